package graph

import (
	"bytes"
	"context"
	"net/url"
	"strings"
)

// maxHead is how much of a message's header is taken over, in bytes.
const maxHead = 256 << 10

// head is the message's header as text, to be read as that of a saved one.
// Graph gives the fields unfolded and in their order.
func (m mail) head() []byte {
	var out bytes.Buffer
	line := strings.NewReplacer("\r", " ", "\n", " ")
	for _, h := range m.Headers {
		if out.Len() > maxHead {
			break
		}
		out.WriteString(line.Replace(h.Name) + ": " + line.Replace(h.Value) + "\r\n")
	}
	return out.Bytes()
}

// junk tells whether a folder is the mailbox's junk folder, whatever it is
// called there; nil when Graph does not say (Microsoft Graph, "mailFolder
// resource type", well-known names).
func (c Client) junk(ctx context.Context, user, id string) *bool {
	var f struct {
		ID string `json:"id"`
	}
	if id == "" || c.get(ctx, user+"/mailFolders/junkemail", url.Values{"$select": {"id"}}, &f) != nil || f.ID == "" {
		return nil
	}
	is := f.ID == id
	return &is
}
