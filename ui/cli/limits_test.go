package cli

import "testing"

func TestSizesAsTheyAreTyped(t *testing.T) {
	for _, tt := range []struct {
		typed string
		want  int64 // 0 means refused
		shown string
	}{
		{"5000000", 5000000, "5000000"},
		{"500k", 500 << 10, "500k"},
		{"50M", 50 << 20, "50M"},
		{"50MB", 50 << 20, "50M"},
		{"2G", 2 << 30, "2G"},
		{"", 0, ""},
		{"M", 0, ""},
		{"-1", 0, ""},
		{"0", 0, ""},
		{"9999999999G", 0, ""},
		{"1.5M", 0, ""},
	} {
		var s size
		err := s.Set(tt.typed)
		if (err == nil) != (tt.want != 0) || int64(s) != tt.want {
			t.Errorf("%q gives %d, %v; want %d", tt.typed, s, err, tt.want)
		}
		if err == nil && s.String() != tt.shown {
			t.Errorf("%q is shown as %s, want %s", tt.typed, s.String(), tt.shown)
		}
	}
}
