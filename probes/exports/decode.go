package exports

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"io"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"offbasic/probes"
)

// decoded is the text of a file: unpacked, and as UTF-8. Lines in another
// eight-bit encoding are found line by line, because files that were glued
// together hold more than one.
func decoded(r io.Reader, name string) (io.Reader, error) {
	for range 3 { // packed in what was packed
		in := bufio.NewReaderSize(r, 64<<10)
		head, err := in.Peek(512)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, broken(name, err)
		}
		inner, packed, err := unpacked(in, head)
		if err != nil {
			return nil, broken(name, err)
		}
		if !packed {
			return asUTF8(in, head, name)
		}
		r = inner
	}
	return nil, notText(name, "binary")
}

// unpacked takes off gzip and bzip2.
func unpacked(in *bufio.Reader, head []byte) (io.Reader, bool, error) {
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(in)
		return z, true, err
	case bytes.HasPrefix(head, []byte("BZh")):
		return bzip2.NewReader(in), true, nil
	}
	return nil, false, nil
}

func asUTF8(in io.Reader, head []byte, name string) (io.Reader, error) {
	if what := binary(head); what != "" {
		return nil, notText(name, what)
	}
	even, odd := zeros(head)
	var dec transform.Transformer
	switch {
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}), odd > len(head)/4:
		dec = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder()
	case bytes.HasPrefix(head, []byte{0xfe, 0xff}), even > len(head)/4:
		dec = unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewDecoder()
	case even+odd > 0:
		return nil, notText(name, "binary")
	default:
		dec = unicode.BOMOverride(transform.Nop)
	}
	return transform.NewReader(in, dec), nil
}

// zeros counts the zero bytes at even and at odd places: text in UTF-16 is
// half zeros.
func zeros(b []byte) (even, odd int) {
	for i, c := range b {
		if c == 0 {
			if i%2 == 0 {
				even++
			} else {
				odd++
			}
		}
	}
	return even, odd
}

// binary names a file that is no text by how it begins.
func binary(head []byte) string {
	for _, m := range []struct{ magic, what string }{
		{"%PDF-", "pdf"},
		{"PK\x03\x04", "xlsx"},
		{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "xls"},
		{"\x89PNG", "binary"},
		{"\xff\xd8\xff", "binary"},
		{"7z\xbc\xaf\x27\x1c", "binary"},
		{"<!DOCTYPE", "html"},
		{"<html", "html"},
	} {
		if bytes.HasPrefix(bytes.TrimLeft(head, "\ufeff \t\r\n"), []byte(m.magic)) {
			return m.what
		}
	}
	return ""
}

// Unzipped lists the files in a zip that are to be read one by one. A zip
// that is an Excel workbook is none of them.
func Unzipped(r io.ReaderAt, size int64) ([]*zip.File, bool) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, false
	}
	var files []*zip.File
	for _, f := range z.File {
		if f.Name == "[Content_Types].xml" {
			return nil, false
		}
		if !f.FileInfo().IsDir() {
			files = append(files, f)
		}
	}
	return files, len(files) > 0
}

func notText(name, what string) error {
	return &probes.Fault{Op: "read " + name, Code: NotText, Args: map[string]string{"file": name, "what": what}}
}

func broken(name string, err error) error {
	return &probes.Fault{
		Op: "read " + name, Code: Broken, Err: err,
		Args: map[string]string{"file": name, "line": "1", "cause": probes.Clean(err.Error(), 200)},
	}
}
