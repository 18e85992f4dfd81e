package exports

import (
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"

	"offbasic/probes"
)

// object is one row of a JSON export: a signIn of Graph, which is what the
// portal's JSON export holds too, an exchangeMessageTrace of Graph, or what
// ConvertTo-Json writes of Get-MessageTraceV2 and Get-CASMailbox. The names of
// encoding/json do not mind the case.
type object struct {
	CreatedDateTime   string          `json:"createdDateTime"`
	UserPrincipalName string          `json:"userPrincipalName"`
	IPAddress         string          `json:"ipAddress"`
	ClientAppUsed     *string         `json:"clientAppUsed"`
	Status            json.RawMessage `json:"status"`

	SenderAddress    *string `json:"senderAddress"`
	RecipientAddress string  `json:"recipientAddress"`
	ReceivedDateTime string  `json:"receivedDateTime"`
	Received         string  `json:"received"`
	FromIP           string  `json:"fromIP"`
	Size             int64   `json:"size"`

	PrimarySMTPAddress string `json:"primarySmtpAddress"`
	DisplayName        string `json:"displayName"`
	SMTPAuthDisabled   *bool  `json:"smtpClientAuthenticationDisabled"`

	// Of a read-back of this program's own scripts.
	Type    string                         `json:"type"`
	Results map[string][]map[string]string `json:"results"`
	Value   json.RawMessage                `json:"value"` // of an answer of Graph
}

// objects reads JSON: an array, objects one after the other, an answer of
// Graph, or a read-back.
func (r *reader) objects() error {
	dec := json.NewDecoder(r.in)
	array := false
	if b, err := r.in.Peek(1); err == nil && b[0] == '[' {
		if _, err := dec.Token(); err != nil {
			return r.broken(err)
		}
		array = true
	}
	for n := 1; dec.More() || !array; n++ {
		var o object
		err := dec.Decode(&o)
		r.line = n
		var wrong *json.UnmarshalTypeError
		switch {
		case errors.Is(err, io.EOF) && !array:
			return r.known()
		case errors.As(err, &wrong):
			r.bad("type")
			continue
		case err != nil:
			return r.broken(err)
		}
		if err := r.object(o); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return r.broken(err) // cut off before its end
	}
	return r.known()
}

// known refuses JSON in which nothing was what is looked for.
func (r *reader) known() error {
	if r.sum.Kind == "" {
		return r.fault(Unknown, map[string]string{"line": "1", "columns": "-"})
	}
	return nil
}

func (r *reader) object(o object) error {
	switch {
	case len(o.Value) > 0 && o.Value[0] == '[':
		return r.answer(o.Value)
	case o.Type == "readback":
		return r.readBack(o.Results)
	case o.ClientAppUsed != nil:
		return r.signIn(o)
	case o.SenderAddress != nil:
		return r.trace(o)
	case o.PrimarySMTPAddress != "":
		return r.mailbox(o.PrimarySMTPAddress, o.DisplayName, o.SMTPAuthDisabled)
	}
	r.bad("unknown")
	return nil
}

func (r *reader) answer(list json.RawMessage) error {
	var rows []object
	if err := json.Unmarshal(list, &rows); err != nil {
		return r.broken(err)
	}
	for i, o := range rows {
		r.line = i + 1
		if err := r.object(o); err != nil {
			return err
		}
	}
	return nil
}

// readBack takes the mailboxes of a read-back whose own switch is on.
func (r *reader) readBack(results map[string][]map[string]string) error {
	for _, id := range []string{"cas_mailboxes", "cas_mailbox"} {
		for i, row := range results[id] {
			r.line = i + 1
			var off *bool
			if b, err := strconv.ParseBool(row["SmtpClientAuthenticationDisabled"]); err == nil {
				off = &b
			}
			if err := r.mailbox(row["PrimarySmtpAddress"], row["DisplayName"], off); err != nil {
				return err
			}
		}
	}
	r.sum.Kind = probes.FromMailbox
	return nil
}

func (r *reader) mailbox(smtp, name string, off *bool) error {
	r.sum.Kind = probes.FromMailbox
	s := probes.Sighting{Kind: probes.FromMailbox, OldTLS: -1, Account: address(clean(smtp)), Name: clean(name), SMTPAuth: "on"}
	switch {
	case s.Account == "":
		r.bad("address")
		return nil
	case off == nil || *off:
		r.sum.Skipped++
		return nil
	}
	return r.saw(s)
}

func (r *reader) signIn(o object) error {
	r.sum.Kind = probes.FromSignIns
	if !isSMTP([]byte(*o.ClientAppUsed)) {
		r.sum.Skipped++
		return nil
	}
	s := probes.Sighting{
		Kind: probes.FromSignIns, OldTLS: -1, Messages: 1,
		Account: address(clean(o.UserPrincipalName)), Peer: peer([]byte(o.IPAddress)),
	}
	if s.Account == "" {
		r.bad("address")
		return nil
	}
	var status struct {
		ErrorCode int `json:"errorCode"`
	}
	if len(o.Status) > 0 && o.Status[0] == '{' && json.Unmarshal(o.Status, &status) == nil && status.ErrorCode != 0 {
		s.Refused, s.Why, s.Messages = true, "AADSTS"+strconv.Itoa(status.ErrorCode), 0
	}
	return r.at(s, o.CreatedDateTime)
}

func (r *reader) trace(o object) error {
	r.sum.Kind = probes.FromTrace
	s := probes.Sighting{
		Kind: probes.FromTrace, OldTLS: -1, Messages: 1, From: address(clean(*o.SenderAddress)),
		To: domain(clean(o.RecipientAddress)), Peer: peer([]byte(o.FromIP)), Size: max(o.Size, 0),
	}
	if s.From == "" {
		r.sum.Skipped++
		return nil
	}
	s.Refused = strings.EqualFold(strings.Trim(string(o.Status), `"`), "failed")
	if o.ReceivedDateTime == "" {
		o.ReceivedDateTime = o.Received
	}
	return r.at(s, o.ReceivedDateTime)
}

// at gives a row its time and hands it on.
func (r *reader) at(s probes.Sighting, when string) error {
	at, ok, err := r.dates.parse(when[:min(len(when), 64)], r.line)
	switch {
	case err != nil:
		return err
	case !ok:
		r.bad("date")
		return nil
	}
	s.At = at
	return r.saw(s)
}

func clean(s string) string { return probes.Clean(s, maxText) }
