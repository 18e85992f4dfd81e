package powershell

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"offbasic/probes"
)

// graphCmdlet is the cmdlet of the Microsoft Graph PowerShell SDK for a call.
// ids are the parameters for the segments of the path that are ids.
type graphCmdlet struct {
	method, path string // a * stands for an id
	name         string
	ids          []string
}

// graphCmdlets are those of the calls that change something.
func graphCmdlets() []graphCmdlet {
	app, sp, grant := []string{"ApplicationId"}, []string{"ServicePrincipalId"}, []string{"OAuth2PermissionGrantId"}
	return []graphCmdlet{
		{"POST", "/applications", "New-MgApplication", nil},
		{"PATCH", "/applications/*", "Update-MgApplication", app},
		{"DELETE", "/applications/*", "Remove-MgApplication", app},
		{"POST", "/applications/*/addPassword", "Add-MgApplicationPassword", app},
		{"POST", "/applications/*/removePassword", "Remove-MgApplicationPassword", app},
		{"POST", "/servicePrincipals", "New-MgServicePrincipal", nil},
		{"DELETE", "/servicePrincipals/*", "Remove-MgServicePrincipal", sp},
		{"POST", "/servicePrincipals/*/appRoleAssignments", "New-MgServicePrincipalAppRoleAssignment", sp},
		{"DELETE", "/servicePrincipals/*/appRoleAssignments/*", "Remove-MgServicePrincipalAppRoleAssignment", append(sp, "AppRoleAssignmentId")},
		{"POST", "/oauth2PermissionGrants", "New-MgOauth2PermissionGrant", nil},
		{"PATCH", "/oauth2PermissionGrants/*", "Update-MgOauth2PermissionGrant", grant},
		{"DELETE", "/oauth2PermissionGrants/*", "Remove-MgOauth2PermissionGrant", grant},
	}
}

// Graph is the command of the Microsoft Graph PowerShell SDK that does what a
// request to Graph did; "" for a request that it does not know.
func Graph(c probes.Change) string {
	path := strings.Split(strings.TrimPrefix(c.URL, "/v1.0"), "/")
	for _, k := range graphCmdlets() {
		ids, ok := k.match(c.Method, path)
		if !ok {
			continue
		}
		words := []string{k.name}
		for i, id := range ids {
			words = append(words, "-"+k.ids[i], Quote(id))
		}
		var body any
		if c.Body != "" && json.Unmarshal([]byte(c.Body), &body) == nil {
			words = append(words, "-BodyParameter", literal(body))
		}
		return strings.Join(words, " ")
	}
	return ""
}

// match tells whether a request is the cmdlet's, and the ids in its path.
func (k graphCmdlet) match(method string, path []string) (ids []string, ok bool) {
	form := strings.Split(k.path, "/")
	if k.method != method || len(form) != len(path) {
		return nil, false
	}
	for i, f := range form {
		if f == "*" {
			id, err := url.PathUnescape(path[i])
			if err != nil {
				return nil, false
			}
			ids = append(ids, id)
		} else if f != path[i] {
			return nil, false
		}
	}
	return ids, true
}

// literal writes a value of JSON as PowerShell does.
func literal(v any) string {
	switch v := v.(type) {
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		entries := make([]string, 0, len(v))
		for _, k := range keys {
			value := literal(v[k])
			if certificate, ok := v[k].(string); ok && k == "key" && v["type"] == "AsymmetricX509Cert" {
				value = "[System.Convert]::FromBase64String(" + Quote(certificate) + ")" // the SDK takes bytes
			}
			entries = append(entries, Quote(k)+" = "+value)
		}
		return "@{ " + strings.Join(entries, "; ") + " }"
	case []any:
		list := make([]string, 0, len(v))
		for _, one := range v {
			list = append(list, literal(one))
		}
		return "@(" + strings.Join(list, ", ") + ")"
	case bool:
		if v {
			return "$true"
		}
		return "$false"
	case string:
		return Quote(v)
	}
	return "$null"
}
