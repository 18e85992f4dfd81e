package graph

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"offbasic/probes"
)

// AccessUnread says that the Conditional Access policies may not be read; args
// message, request_id.
const AccessUnread probes.Code = "access_unread"

// maxAccessPages bounds the pages that are read, accessPageLimit each of them
// in bytes: a policy can name hundreds of users by their ids.
const (
	maxAccessPages  = 50
	accessPageLimit = 16 << 20
)

// maxAccessIDs is how many ids of a list are kept.
const maxAccessIDs = 300

// accessPolicy is a policy on the wire (Microsoft Graph v1.0, resource types
// conditionalAccessPolicy, conditionalAccessConditionSet and
// conditionalAccessGrantControls).
type accessPolicy struct {
	Name       string           `json:"displayName"`
	State      string           `json:"state"`
	Conditions accessConditions `json:"conditions"`
	Grant      *struct {
		Operator string          `json:"operator"`
		BuiltIn  []string        `json:"builtInControls"`
		Custom   []string        `json:"customAuthenticationFactors"`
		Terms    []string        `json:"termsOfUse"`
		Strength json.RawMessage `json:"authenticationStrength"`
	} `json:"grantControls"`
}

type accessConditions struct {
	ClientApps []string `json:"clientAppTypes"`
	Apps       struct {
		Include []string        `json:"includeApplications"`
		Exclude []string        `json:"excludeApplications"`
		Filter  json.RawMessage `json:"applicationFilter"`
	} `json:"applications"`
	Users struct {
		IncludeUsers  []string        `json:"includeUsers"`
		ExcludeUsers  []string        `json:"excludeUsers"`
		IncludeGroups []string        `json:"includeGroups"`
		ExcludeGroups []string        `json:"excludeGroups"`
		IncludeRoles  []string        `json:"includeRoles"`
		ExcludeRoles  []string        `json:"excludeRoles"`
		IncludeGuests json.RawMessage `json:"includeGuestsOrExternalUsers"`
		ExcludeGuests json.RawMessage `json:"excludeGuestsOrExternalUsers"`
	} `json:"users"`
	Clients *struct {
		Include []string        `json:"includeServicePrincipals"`
		Exclude []string        `json:"excludeServicePrincipals"`
		Filter  json.RawMessage `json:"servicePrincipalFilter"`
	} `json:"clientApplications"`
	Flows *struct {
		// Methods are one text with commas, as Graph writes an enumeration of
		// flags: "deviceCodeFlow,authenticationTransfer".
		Methods string `json:"transferMethods"`
	} `json:"authenticationFlows"`
	Places        json.RawMessage `json:"locations"`
	Platforms     json.RawMessage `json:"platforms"`
	Devices       json.RawMessage `json:"devices"`
	UserRisk      []string        `json:"userRiskLevels"`
	SignInRisk    []string        `json:"signInRiskLevels"`
	PrincipalRisk []string        `json:"servicePrincipalRiskLevels"`
	InsiderRisk   json.RawMessage `json:"insiderRiskLevels"`
	AgentRisk     json.RawMessage `json:"agentIdRiskLevels"`
}

// accessPolicies are the Conditional Access policies that are on or report
// ("List conditionalAccessPolicies").
func (d Directory) accessPolicies(ctx context.Context) ([]probes.AccessPolicy, error) {
	list := []probes.AccessPolicy{}
	next := ask{method: http.MethodGet, path: "/identity/conditionalAccess/policies", needs: []string{ReadPolicies}, limit: accessPageLimit}
	for range maxAccessPages {
		var page struct {
			Value []accessPolicy `json:"value"`
			Next  string         `json:"@odata.nextLink"`
		}
		if err := d.do(ctx, next, &page); err != nil {
			return nil, mayNotRead(err)
		}
		for _, p := range page.Value {
			if p.State != "disabled" {
				list = append(list, p.observed())
			}
		}
		if page.Next == "" {
			return list, nil
		}
		var here bool
		if next.path, next.query, here = d.client().next(page.Next); !here {
			break
		}
	}
	return nil, fault("read the Conditional Access policies", AccessUnread, "message", "the next page is not at Graph, or the pages have no end", "request_id", "-")
}

// mayNotRead turns Graph's 403 into the fault that says what to grant.
func mayNotRead(err error) error {
	if status(err) != "403" {
		return err
	}
	return with(err, fault("read the Conditional Access policies", AccessUnread))
}

// observed reduces a policy to what can decide on sending.
func (p accessPolicy) observed() probes.AccessPolicy {
	c := p.Conditions
	o := probes.AccessPolicy{
		Name: probes.Clean(p.Name, 200), State: probes.Clean(p.State, 60), ClientApps: cleaned(c.ClientApps),
		Apps: cleaned(c.Apps.Include), NotApps: cleaned(c.Apps.Exclude),
		Everyone: slices.Contains(c.Users.IncludeUsers, "All"),
		Excluded: named(c.Users.ExcludeUsers, c.Users.ExcludeGroups, c.Users.ExcludeRoles) + given(c.Users.ExcludeGuests),
		Narrowed: given(c.Places, c.Platforms, c.Devices, c.InsiderRisk, c.AgentRisk) > 0 || named(c.UserRisk, c.SignInRisk, c.PrincipalRisk) > 0,
		Unclear:  given(c.Apps.Filter) > 0,
	}
	if !o.Everyone {
		o.Included = named(c.Users.IncludeUsers, c.Users.IncludeGroups, c.Users.IncludeRoles) + given(c.Users.IncludeGuests)
	}
	if c.Clients != nil {
		o.Principals, o.NotPrincipals = cleaned(c.Clients.Include), cleaned(c.Clients.Exclude)
		o.Unclear = o.Unclear || given(c.Clients.Filter) > 0
	}
	if c.Flows != nil {
		for m := range strings.SplitSeq(c.Flows.Methods, ",") {
			if m = strings.TrimSpace(m); m != "" && m != "none" {
				o.Flows = append(o.Flows, probes.Clean(m, 60))
			}
		}
	}
	if g := p.Grant; g != nil {
		o.Controls, o.Any = cleaned(g.BuiltIn), strings.EqualFold(g.Operator, "OR")
		o.Unclear = o.Unclear || named(g.Custom, g.Terms) > 0 || given(g.Strength) > 0
	}
	return o
}

// cleaned are the ids or words of a list, fit to be kept and shown.
func cleaned(list []string) []string {
	var out []string
	for _, s := range list[:min(len(list), maxAccessIDs)] {
		out = append(out, probes.Clean(s, 100))
	}
	return out
}

// named counts the entries of lists; "None" is none.
func named(lists ...[]string) int {
	n := 0
	for _, l := range lists {
		for _, s := range l {
			if s != "None" {
				n++
			}
		}
	}
	return n
}

// given counts the parts that are there: Graph writes null for those that are
// not.
func given(parts ...json.RawMessage) int {
	n := 0
	for _, p := range parts {
		if text := string(p); text != "" && text != "null" && text != `""` && text != "[]" {
			n++
		}
	}
	return n
}

// readAccess reads the policies of Conditional Access. Without them the
// registration goes on.
func (c *run) readAccess(ctx context.Context, emit func(probes.SetupStep)) error {
	return c.optional(StepAccess, emit, func(s *probes.SetupStep, _ func(time.Duration)) error {
		list, err := c.Directory.accessPolicies(ctx)
		if err != nil {
			return err
		}
		s.Outcome = probes.SetupFound
		c.note(func(m *Registered) { m.Access = &list })
		return nil
	})
}
