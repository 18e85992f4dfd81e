package checks_test

import (
	"testing"

	"offbasic/checks"
	"offbasic/probes"
)

func TestCompareReadBack(t *testing.T) {
	script := probes.Script{Expects: []probes.Expect{
		{ID: "service-principal", Read: "service_principal", Property: "ObjectId", Want: "6f00"},
		{ID: "mailbox-rights", Read: "mailbox_permission", Property: "AccessRights", Want: "FullAccess"},
	}}
	rows := func(id string, values ...string) map[string][]map[string]string {
		out := map[string][]map[string]string{}
		for _, v := range values {
			property := "AccessRights"
			if id == "service_principal" {
				property = "ObjectId"
			}
			out[id] = append(out[id], map[string]string{property: v})
		}
		return out
	}
	for _, tt := range []struct {
		name    string
		results map[string][]map[string]string
		want    []bool
	}{
		{"nothing was read", nil, []bool{false, false}},
		{"the service principal is there, the right is not", rows("service_principal", "6F00"), []bool{true, false}},
		{"another object id, the classic mistake", rows("service_principal", "9999"), []bool{false, false}},
		{"one of two rows has the right among others", rows("mailbox_permission", "ReadPermission", "FullAccess, ReadPermission"), []bool{false, true}},
		{"a right whose name only contains it", rows("mailbox_permission", "NoFullAccess"), []bool{false, false}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := checks.CompareReadBack(script, probes.ReadBackFile{Results: tt.results})
			for i, c := range got {
				if c.OK != tt.want[i] {
					t.Errorf("%s: ok %t, want %t; read %v", c.ID, c.OK, tt.want[i], tt.results)
				}
			}
		})
	}
}
