package checks

import (
	"strings"

	"offbasic/probes"
)

// TraceChecks lists the checks of a row of the message trace.
func TraceChecks() []Check {
	return []Check{
		{ID: "trace-delivered", Outcomes: can(Pass)},
		{ID: "trace-pending", Outcomes: can(Warn), Remedy: "trace-pending"},
		{ID: "trace-failed", Outcomes: can(Fail), Remedy: "trace-failed"},
		{ID: "trace-junk", Outcomes: can(Fail), Remedy: "head-junk"},
		{ID: "trace-other", Outcomes: can(Skip)},
		{ID: "trace-connector", Outcomes: can(Pass)},
		{ID: "trace-connector-none", Outcomes: can(Skip), Remedy: "connector-outside"},
	}
}

// JudgeTrace judges what the message trace says of a message: its status, as
// Microsoft lists them for the message trace. Graph writes them in either case.
func JudgeTrace(r probes.Receipt, route probes.Route) []Finding {
	j := verdicts{table: TraceChecks()}
	if !r.Found || r.By != probes.ByTrace {
		return nil
	}
	args := []string{"status", first(r.Status, "-"), "why", first(lastEvent(r), "-")}
	switch strings.ToLower(r.Status) {
	case "delivered", "expanded":
		j.add("trace-delivered", Pass, args...)
	case "failed", "quarantined":
		j.add("trace-failed", Fail, args...)
	case "filteredasspam":
		j.add("trace-junk", Fail, args...)
	case "pending", "gettingstatus":
		j.add("trace-pending", Warn, args...)
	default:
		j.add("trace-other", Skip, args...)
	}
	switch {
	case r.Connector != "":
		j.add("trace-connector", Pass, "connector", r.Connector)
	case route == probes.Connector:
		j.add("trace-connector-none", Skip)
	}
	return j.found
}

// lastEvent is the description of the last thing that happened.
func lastEvent(r probes.Receipt) string {
	if len(r.Events) == 0 {
		return ""
	}
	e := r.Events[len(r.Events)-1]
	return first(e.Description, e.Event)
}
