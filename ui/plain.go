package ui

import "context"

func runPlain(context.Context, Options) error { return nil }
