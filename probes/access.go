package probes

// The states of a Conditional Access policy that can decide on a sign-in
// (Microsoft Graph v1.0, resource type conditionalAccessPolicy, state). One
// that is disabled is not kept.
const (
	AccessOn         = "enabled"
	AccessReportOnly = "enabledForReportingButNotEnforced"
)

// AccessPolicy is a Conditional Access policy as Microsoft Graph has it, as far
// as it can decide on sending mail. Users, groups and roles are counted, not
// named: Graph gives their object ids alone.
type AccessPolicy struct {
	Name       string   `json:"name"`
	State      string   `json:"state"`
	ClientApps []string `json:"client_apps,omitempty"` // conditions.clientAppTypes
	// Apps and NotApps are the resources that are included and excluded: client
	// ids, "All", "Office365".
	Apps    []string `json:"apps,omitempty"`
	NotApps []string `json:"not_apps,omitempty"`
	// Everyone says that all users are included; Included counts the users,
	// groups, roles and kinds of guests that are, Excluded those that are not.
	Everyone bool `json:"everyone,omitempty"`
	Included int  `json:"included,omitempty"`
	Excluded int  `json:"excluded,omitempty"`
	// Principals and NotPrincipals are object ids of enterprise applications, or
	// "ServicePrincipalsInMyTenant". With them the policy is about no user.
	Principals    []string `json:"principals,omitempty"`
	NotPrincipals []string `json:"not_principals,omitempty"`
	// Flows are the transfer methods of conditions.authenticationFlows.
	Flows []string `json:"flows,omitempty"`
	// Controls are the built-in controls of grantControls; Any says that one of
	// them is enough.
	Controls []string `json:"controls,omitempty"`
	Any      bool     `json:"any,omitempty"`
	// Narrowed says that it holds only from some places, platforms or devices,
	// or at some risk.
	Narrowed bool `json:"narrowed,omitempty"`
	// Unclear says that it has a part that is not understood here: a filter, or
	// a control that is not built in.
	Unclear bool `json:"unclear,omitempty"`
}
