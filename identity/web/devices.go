package web

// minimums is the oldest version of each phone's system whose passkeys Cardea
// takes, and how its person gets a newer one.
var minimums = []struct {
	system string // as Agent.System
	what   string // what the person calls the device
	os     string // what its maker calls the system
	major  int
	update string
}{
	{"iPhone", "iPhone", "iOS", 17, "Open Settings, then General, then Software Update."},
	{"iPad", "iPad", "iPadOS", 17, "Open Settings, then General, then Software Update."},
	{"Android", "phone", "Android", 14, "Open Settings, then System, then Software update."},
}

// A DeviceNotice tells a person that the system of the phone in their hand is
// too old for passkeys here.
type DeviceNotice struct {
	What   string // "iPhone"
	Has    string // "iOS 16.7"
	Needs  string // "iOS 17"
	Update string // where to update it
}

// NoticeFor returns the notice for a device that is known to be too old, and
// nil for every other: one that cannot be recognized is let try.
func NoticeFor(a Agent) *DeviceNotice {
	for _, m := range minimums {
		if a.System == m.system && a.Version.Known && a.Version.Major < m.major {
			return &DeviceNotice{
				What:   m.what,
				Has:    m.os + " " + a.Version.String(),
				Needs:  m.os + " " + Version{Major: m.major}.String(),
				Update: m.update,
			}
		}
	}
	return nil
}
