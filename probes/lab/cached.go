package lab

import (
	"strings"
	"time"
)

// rightsCached is the fault of rights in Exchange that count only a while after
// they were made, as Exchange's cache has it.
const rightsCached = "rights-cached"

// CachedFor is how long a right that was just made does not count with the
// fault "rights-cached": two minutes of the lab's clock stand for the two hours
// that are reported of Exchange Online.
const CachedFor = 2 * time.Minute

// madeBy names the right that a cmdlet makes, "" when it makes none. mu is
// held.
func (d *directory) madeBy(cmdlet string, a arguments) string {
	switch strings.ToLower(cmdlet) {
	case "new-serviceprincipal":
		return principalRight(a.text("ObjectId"))
	case "add-mailboxpermission":
		who, _ := d.grantee(a.text("User"))
		if m := d.mailbox(a.text("Identity")); m != nil {
			return mailboxRight(who, m)
		}
	case "new-managementroleassignment":
		if p, ok := d.principal(a.text("App")); ok {
			return roleRight(p)
		}
	}
	return ""
}

func principalRight(object string) string        { return "principal " + strings.ToLower(object) }
func mailboxRight(who string, m *mailbox) string { return "mailbox " + who + " " + m.address }
func roleRight(p principal) string               { return "role " + strings.ToLower(p.objectID) }
func (d *directory) noted(right string, t time.Time) {
	if right == "" {
		return
	}
	if d.fresh == nil {
		d.fresh = map[string]time.Time{}
	}
	d.fresh[right] = t
}

// counts tells whether Exchange goes by a right already. mu is held.
func (l *Lab) counts(right string) bool {
	made, fresh := l.dir.fresh[right]
	return !fresh || !l.fault(rightsCached) || l.now().Sub(made) >= CachedFor
}
