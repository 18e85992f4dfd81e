package folder

import "slices"

// Unread lists the lines of each file of records that cannot be read, as far
// as those were read.
func (f *Folder) Unread() map[string][]int {
	all := map[string][]int{}
	for _, j := range []*journal{f.sessions, f.trials, f.changes} {
		j.reading.Lock()
		if len(j.index.bad) > 0 {
			all[j.name] = slices.Sorted(slices.Values(j.index.bad))
		}
		j.reading.Unlock()
	}
	return all
}

// SessionLine is the file and the line of the last record of a session that
// was read; line 0 is of one that was not.
func (f *Folder) SessionLine(id string) (file string, line int) {
	j := f.sessions
	j.reading.Lock()
	defer j.reading.Unlock()
	return j.name, j.index.last[id].line
}
