package ui

import (
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/huh/v2"
)

// reportWantedMsg asks for what a report is to be, reportPathWantedMsg where it
// goes.
type (
	reportWantedMsg     struct{}
	reportPathWantedMsg struct{ req ReportRequest }
)

// newReport asks for the format and the language of a report.
func newReport(e env) formScreen {
	req := &ReportRequest{Format: e.opts.ReportFormats[0], Lang: e.tr.Lang()}
	fields := func() []*huh.Group {
		var formats, langs []huh.Option[string]
		for _, f := range e.opts.ReportFormats {
			formats = append(formats, huh.NewOption(e.t("report.format."+f), f))
		}
		for _, l := range e.opts.ReportLanguages {
			langs = append(langs, huh.NewOption(e.t("report.lang."+l), l))
		}
		return []*huh.Group{
			huh.NewGroup(
				huh.NewSelect[string]().Title(e.t("report.ui.format")).Description(e.t("report.ui.format.why")).Options(formats...).Value(&req.Format),
				huh.NewSelect[string]().Title(e.t("report.ui.lang")).Description(e.t("report.ui.lang.why")).Options(langs...).Value(&req.Lang),
			),
		}
	}
	return newForm(e, "report", e.t("report.ui.title"), fields, func(e env) ([]tea.Msg, error) {
		r := *req
		r.Path = e.opts.ReportPath(e.runs.ctx, r)
		return []tea.Msg{reportPathWantedMsg{r}}, nil
	})
}

// newReportPath asks for the file, and writes it.
func newReportPath(e env, req ReportRequest) formScreen {
	v, path := validator{e}, req.Path
	answer := &path
	fields := func() []*huh.Group {
		return []*huh.Group{huh.NewGroup(e.input("report.ui.path", answer).CharLimit(4000).Validate(v.given))}
	}
	return newForm(e, "report", e.t("report.ui.title"), fields, func(e env) ([]tea.Msg, error) {
		r := req
		r.Path = strings.TrimSpace(*answer)
		saved, err := e.opts.Report(e.runs.ctx, r)
		if err != nil {
			return nil, err
		}
		return []tea.Msg{saidMsg{text: e.t("app.saved_to", map[string]string{"path": clean(saved)})}}, nil
	})
}
