package web

import "cardea/identity/web/capability"

// A DeviceNotice tells a person that the system of the phone in their hand is
// too old for passkeys here.
type DeviceNotice struct {
	Device string // "iphone", "ipad" or "android", as the messages' keys have it
	Has    string // "iOS 16.7"
	Needs  string // "iOS 17"
}

// NoticeFor returns the notice for a device that is known to be too old, and
// nil for every other: one that cannot be recognized is let try.
func NoticeFor(a Agent) *DeviceNotice {
	for _, m := range capability.Minimums {
		if a.System == m.System && a.Version.Known && a.Version.Major < m.Major {
			return &DeviceNotice{
				Device: m.Key, Has: m.OS + " " + a.Version.String(), Needs: m.OS + " " + Version{Major: m.Major}.String(),
			}
		}
	}
	return nil
}
