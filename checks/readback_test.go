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

type rows = []map[string]string

// What is meant by an expectation beside "some row has the value".
func TestCompareReadBackByKind(t *testing.T) {
	role := []probes.Match{{Property: "RoleName", Is: []string{"Application SMTP.SendAsApp"}}}
	for _, tt := range []struct {
		name   string
		expect probes.Expect
		rows   rows // nil: not read
		want   checks.Compared
	}{
		{
			"the row of the role is meant, not that of another",
			probes.Expect{Where: role, Property: "InScope", Want: "True"},
			rows{{"RoleName": "Application Mail.Send", "InScope": "True"}, {"RoleName": "application smtp.sendasapp", "InScope": "False"}},
			checks.Compared{Got: "False", Want: "True"},
		},
		{
			"no row of the role",
			probes.Expect{Where: role, Property: "InScope", Want: "True"},
			rows{{"RoleName": "Application Mail.Send", "InScope": "True"}},
			checks.Compared{Want: "True"},
		},
		{
			"every mailbox is on",
			probes.Expect{Every: true, Property: "Off", Want: "False", Label: "Mailbox"},
			rows{{"Mailbox": "a", "Off": "False"}, {"Mailbox": "b", "Off": "false"}},
			checks.Compared{OK: true, Got: "False", Want: "False"},
		},
		{
			"one of them is not, and is named",
			probes.Expect{Every: true, Property: "Off", Want: "False", Label: "Mailbox"},
			rows{{"Mailbox": "a", "Off": "False"}, {"Mailbox": "b", "Off": "True"}, {"Mailbox": "c", "Off": ""}},
			checks.Compared{Got: "b True; c", Want: "False"},
		},
		{"every one of none", probes.Expect{Every: true, Property: "Off", Want: "False"}, rows{}, checks.Compared{Want: "False"}},
		{"what must be gone is gone", probes.Expect{Absent: true, Property: "Name", Want: "Block"}, rows{{"Name": "Allow"}}, checks.Compared{OK: true, Want: "-"}},
		{"what must be gone is there", probes.Expect{Absent: true, Property: "Name", Want: "Block"}, rows{{"Name": "Allow"}, {"Name": "block"}}, checks.Compared{Got: "block", Want: "-"}},
		{"nothing is known to be gone where nothing was read", probes.Expect{Absent: true, Property: "Name", Want: "Block"}, nil, checks.Compared{Want: "-"}},
		{
			"a policy by its distinguished name",
			probes.Expect{Named: true, Property: "Policy", Want: "Block Basic SMTP"},
			rows{{"Policy": "CN=Block Basic SMTP,CN=Auth Policies,CN=Configuration,DC=EURPR01A001"}},
			checks.Compared{OK: true, Got: "CN=Block Basic SMTP,CN=Auth Policies,CN=Configuration,DC=EURPR01A001", Want: "Block Basic SMTP"},
		},
		{
			"another policy whose name begins the same",
			probes.Expect{Named: true, Property: "Policy", Want: "Block"},
			rows{{"Policy": "CN=Block Basic SMTP,CN=Auth Policies"}},
			checks.Compared{Got: "CN=Block Basic SMTP,CN=Auth Policies", Want: "Block"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.expect.ID, tt.expect.Read, tt.want.ID = "x", "read", "x"
			f := probes.ReadBackFile{Results: map[string][]map[string]string{}}
			if tt.rows != nil {
				f.Results["read"] = tt.rows
			}
			got := checks.CompareReadBack(probes.Script{Expects: []probes.Expect{tt.expect}}, f)
			if len(got) != 1 || got[0] != tt.want {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
		})
	}
}
