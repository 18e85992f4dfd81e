package wizard

import (
	"maps"
	"slices"

	"offbasic/checks"
)

// Inform puts into f what the migration keeps of the sender itself: what files
// say of it, what people said, and what became of canaries.
func (s Sender) Inform(f *checks.Facts) {
	f.Canary, f.Answers = s.Canary, maps.Clone(s.Answers)
	f.Heard = make([]checks.Heard, 0, len(s.Sources))
	for _, src := range s.Sources {
		f.Heard = append(f.Heard, checks.Heard{
			Kind: src.Kind, File: src.File, Line: src.Line, Protocol: src.Protocol, OldTLS: src.OldTLS,
			Messages: src.Messages, First: src.First, Last: src.Last, Refused: src.Refused, Why: src.Why,
			To: src.To, MaxSize: src.MaxSize, Shared: src.Shared > 1,
		})
	}
}

// Is tells whether a sender is, or was before a join, the one with the id.
func (s Sender) Is(id string) bool { return s.ID == id || slices.Contains(s.Was, id) }
