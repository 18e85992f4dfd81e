package dnsrec

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// suite is one document of the public test suite of openspf.org (release
// 2014.04), which lies beside package spf in the module cache.
type suite struct {
	Description string
	Tests       map[string]struct {
		Helo, Host, Skip string
		MailFrom         string `yaml:"mailfrom"`
		Result           oneOrMore
	}
	Zone map[string][]yaml.Node `yaml:"zonedata"`
}

// oneOrMore is a list that may be written as its only value.
type oneOrMore []string

func (o *oneOrMore) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.SequenceNode {
		*o = oneOrMore{n.Value}
		return nil
	}
	for _, v := range n.Content {
		*o = append(*o, v.Value)
	}
	return nil
}

// broken is a Zone of which some names do not answer.
type broken struct {
	Zone
	silent map[string]bool
}

func (b broken) fails(name string) error {
	if b.silent[strings.ToLower(strings.TrimSuffix(name, "."))] {
		return &net.DNSError{Err: "timeout", IsTimeout: true, IsTemporary: true}
	}
	return nil
}

func (b broken) LookupTXT(ctx context.Context, name string) ([]string, error) {
	records, err := b.Zone.LookupTXT(ctx, name)
	if len(records) == 0 {
		if err := b.fails(name); err != nil {
			return nil, err
		}
	}
	return records, err
}

func (b broken) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	if err := b.fails(name); err != nil {
		return nil, err
	}
	return b.Zone.LookupMX(ctx, name)
}

func (b broken) LookupIPAddr(ctx context.Context, name string) ([]net.IPAddr, error) {
	if err := b.fails(name); err != nil {
		return nil, err
	}
	return b.Zone.LookupIPAddr(ctx, name)
}

func (s suite) resolver(t *testing.T) Resolver {
	t.Helper()
	b := broken{Zone: Zone{}, silent: map[string]bool{}}
	for name, records := range s.Zone {
		name = strings.ToLower(strings.TrimSuffix(name, "."))
		var policies []string
		hasText := false
		for _, n := range records {
			if n.Kind == yaml.ScalarNode { // TIMEOUT
				b.silent[name] = true
				continue
			}
			kind, value := n.Content[0].Value, n.Content[1]
			switch kind {
			case "SPF":
				policies = append(policies, strings.Join(list(value), ""))
			case "TXT":
				hasText = true
				if text := strings.Join(list(value), ""); text != "NONE" {
					b.Zone["TXT "+name] = append(b.Zone["TXT "+name], text)
				}
			case "MX":
				b.Zone["MX "+name] = append(b.Zone["MX "+name], value.Content[0].Value+" "+value.Content[1].Value+".")
			case "PTR":
				ip, err := netip.ParseAddr(name)
				key := name
				if err == nil {
					key = reverse(ip)
				}
				b.Zone["PTR "+key] = append(b.Zone["PTR "+key], list(value)...)
			case "TIMEOUT", "SERVFAIL":
				b.silent[name] = true
			default:
				b.Zone[kind+" "+name] = append(b.Zone[kind+" "+name], list(value)...)
			}
		}
		if !hasText { // the suite's own rule: SPF stands for TXT
			b.Zone["TXT "+name] = append(b.Zone["TXT "+name], policies...)
		}
	}
	return b
}

func list(n *yaml.Node) []string {
	var o oneOrMore
	_ = o.UnmarshalYAML(n) // never fails
	return o
}

// The public test suite of RFC 7208 passes through our own resolver, its
// memory and its time limits.
func TestPublicSuiteOfRFC7208(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "blitiri.com.ar/go/spf").Output()
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(strings.TrimSpace(string(out)), "testdata", "rfc7208-tests.yml"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ran := 0
	for d := yaml.NewDecoder(f); ; {
		var s suite
		if err := d.Decode(&s); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		dns := s.resolver(t)
		for name, c := range s.Tests {
			if c.Skip != "" {
				continue
			}
			ran++
			p := Probe{DNS: dns}
			got := evaluate(t.Context(), &memory{asker: p.asker()}, netip.MustParseAddr(c.Host), c.Helo, c.MailFrom)
			if !slices.Contains(c.Result, got) {
				t.Errorf("%s, %s: %s, want %v", s.Description, name, got, c.Result)
			}
		}
	}
	if ran < 150 {
		t.Errorf("only %d cases were run", ran)
	}
}
