package exports

import (
	"maps"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"offbasic/probes"
)

// Field is what a column of a table holds.
type Field string

// The fields that are looked for.
const (
	Account    Field = "account"
	From       Field = "from"
	To         Field = "to"
	Recipients Field = "recipient_status" // "address##Receive, Deliver" of a long trace
	Peer       Field = "ip"
	Date       Field = "date"
	ClientApp  Field = "client_app"
	ErrorCode  Field = "error_code"
	StatusText Field = "status"
	Protocol   Field = "protocol"
	Messages   Field = "messages"
	TLS10      Field = "tls10"
	TLS11      Field = "tls11"
	TLS12      Field = "tls12"
	Size       Field = "size"
	MessageID  Field = "message_id"
	SMTPAuth   Field = "smtp_auth_disabled"
	Name       Field = "name"
	Model      Field = "model"
	Mailbox    Field = "mailbox"
	Contact    Field = "contact"
	Site       Field = "site"
)

// aliases are the headings under which a field is known, in the form that
// plainHeading gives. Microsoft documents the columns of the SMTP AUTH clients
// report by name and not their spelling in the file; those of the sign-in log
// are the properties of Graph's signIn and the portal's headings, those of a
// trace are Get-MessageTraceV2's properties and the columns of the enhanced
// summary report.
func aliases() map[Field][]string {
	return map[Field][]string{
		Account: {"account", "username", "userprincipalname", "upn", "user", "login", "useremail", "compte", "utilisateur", "nomdutilisateur", "identifiant", "nomprincipaldelutilisateur"},
		From: {
			"senderaddress", "sender", "smtpaddress", "from", "fromaddress", "emailaddress", "primarysmtpaddress", "adressedelexpediteur", "expediteur", "adressedexpedition", "adressesmtp",
		},
		To:         {"recipientaddress", "recipient", "to", "toaddress", "adressedudestinataire", "destinataire"},
		Recipients: {"recipientstatus"},
		Peer:       {"ipaddress", "ip", "address", "fromip", "clientip", "originalclientip", "host", "adresseip", "adresse", "adresseipduclient"},
		Date: {
			"date", "dateutc", "datetime", "createddatetime", "received", "receivedutc", "receiveddatetime", "origintimestamp", "origintimestamputc", "datetimeutc", "timestamp", "recu", "horodatage", "dateheure",
		},
		ClientApp:  {"clientapp", "clientappused", "applicationcliente", "applicationclienteutilisee"},
		ErrorCode:  {"signinerrorcode", "errorcode", "statuserrorcode", "codederreur", "codederreurdeconnexion", "codederreurdesignin"},
		StatusText: {"status", "statut", "etat", "deliverystatus"},
		Protocol:   {"authenticationprotocol", "authprotocol", "protocol", "protocoledauthentification", "protocole"},
		Messages:   {"messagessent", "messagecount", "messages", "count", "volume", "messagesenvoyes", "nombredemessages"},
		TLS10:      {"tls10"},
		TLS11:      {"tls11"},
		TLS12:      {"tls12"},
		Size:       {"size", "totalbytes", "bytes", "taille"},
		MessageID:  {"messageid", "internetmessageid", "iddumessage"},
		SMTPAuth:   {"smtpclientauthenticationdisabled"},
		//nolint:misspell // French
		Name:    {"name", "displayname", "device", "devicename", "printer", "hostname", "nom", "nomdelappareil", "appareil", "imprimante", "equipement"},
		Model:   {"model", "product", "make", "modele", "produit", "marque"},
		Mailbox: {"mailbox", "boite", "boiteauxlettres"},
		//nolint:misspell // French
		Contact: {"contact", "owner", "responsible", "responsable", "proprietaire", "referent"},
		Site:    {"site", "location", "place", "office", "emplacement", "lieu", "localisation", "bureau"},
	}
}

// Fields lists every field, in alphabetical order.
func Fields() []Field { return slices.Sorted(maps.Keys(aliases())) }

// plainHeading is a heading in lower case without accents, spaces, signs.
func plainHeading(s string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(strings.ToLower(s)) {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// columns says which column holds what; -1 is none.
type columns map[Field]int

func (c columns) has(fields ...Field) bool {
	for _, f := range fields {
		if _, ok := c[f]; !ok {
			return false
		}
	}
	return true
}

// columnsOf finds the known columns among headings. Of two with one heading
// the first counts.
func columnsOf(headings []string, named map[Field]string) (columns, Field) {
	plain := make([]string, len(headings))
	for i, h := range headings {
		plain[i] = plainHeading(h)
	}
	found := columns{}
	taken := map[int]bool{}
	for field, heading := range named {
		i := slices.Index(plain, plainHeading(heading))
		if i < 0 {
			return nil, field
		}
		found[field], taken[i] = i, true
	}
	for field, names := range aliases() {
		if _, ok := found[field]; ok {
			continue
		}
		for _, name := range names {
			if i := slices.Index(plain, name); i >= 0 && !taken[i] {
				found[field] = i
				break
			}
		}
	}
	return found, ""
}

// kindOf says what a table is by its columns; "" when nothing fits. sure is
// false when it is worth asking what the columns hold.
func kindOf(c columns, named bool) (kind probes.SourceKind, sure bool) {
	switch {
	case c.has(ClientApp) && (c.has(Account) || c.has(From)):
		return probes.FromSignIns, true
	case c.has(SMTPAuth) && (c.has(From) || c.has(Account) || c.has(Name)):
		return probes.FromMailbox, true
	case c.has(From) && (c.has(To, MessageID) || c.has(Recipients)), c.has(From, To, Date):
		return probes.FromTrace, true
	case c.has(From) && (c.has(Messages) || c.has(Protocol)) && (c.has(TLS10) || c.has(TLS12) || c.has(Protocol)):
		return probes.FromReport, true
	case named && len(c) > 0:
		return probes.FromList, true
	}
	return probes.FromList, isList(c)
}

// isList tells a list that somebody kept: it says who, and one thing more.
func isList(c columns) bool {
	list := 0
	for _, f := range []Field{Name, Model, Mailbox, Contact, Site, Peer, Account, From} {
		if c.has(f) {
			list++
		}
	}
	who := c.has(Name) || c.has(Mailbox) || c.has(Account) || c.has(From) || c.has(Peer)
	return who && list >= 2
}
