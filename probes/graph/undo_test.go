package graph_test

import (
	"testing"

	"offbasic/probes"
	"offbasic/probes/graph"
)

// The log is a file that somebody else may have written: what an admin's
// rights are used for is not taken from it unseen.
func TestUndoTakesNothingFromTheLogThatRegisterNeverWrites(t *testing.T) {
	const id = "0a1b2c3d-0000-1111-2222-333344445555"
	for object, want := range map[string]bool{
		"/applications/" + id: true,
		"/servicePrincipals/" + id + "/appRoleAssignments/AbC-_x":                     true,
		"/oauth2PermissionGrants/AbC-_x":                                              true,
		"/servicePrincipals/" + id + "/appRoleAssignments/x/dropped/" + id + "/" + id: true,
		"/users/ceo@contoso.example":                                                  false,
		"/applications/../users/x":                                                    false,
		"/applications/" + id + "/%2e%2e/x":                                           false,
		"/applications/" + id + "?x=1":                                                false,
		"/groups/" + id:                                                               false,
		"/servicePrincipals/" + id + "/owners/" + id:                                  false,
		"": false,
	} {
		list := graph.Undoable([]probes.Change{{ID: "1", By: probes.ByGraph, Outcome: "done", Object: object}})
		if got := len(list) == 1; got != want {
			t.Errorf("%q is undoable: %v, want %v", object, got, want)
		}
	}
	merged := []probes.Change{{ID: "1", By: probes.ByGraph, Outcome: "done", Object: "/applications/" + id, Merged: true}}
	if len(graph.Undoable(merged)) > 0 {
		t.Error("an entry of a colleague's folder is undoable")
	}
}
