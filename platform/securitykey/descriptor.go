package securitykey

// What a FIDO key calls itself (CTAP §11.2.8.1).
const (
	usagePageFIDO = 0xf1d0
	usageCTAPHID  = 0x01
)

// Items of a report descriptor, without the two bits of their length (HID 1.11
// §6.2.2).
const (
	itemUsagePage  = 0x04
	itemUsage      = 0x08
	itemCollection = 0xa0
	longItem       = 0xfe
)

// isFIDO reports whether the first collection of a report descriptor is that
// of a FIDO key. A descriptor that ends inside an item is not.
func isFIDO(descriptor []byte) bool {
	var page, usage uint32
	for len(descriptor) > 0 {
		head := descriptor[0]
		size, skip := int(head&3), 1
		switch {
		case head == longItem:
			if len(descriptor) < 3 {
				return false
			}
			size, skip = int(descriptor[1]), 3
		case size == 3:
			size = 4
		}
		if len(descriptor) < skip+size {
			return false
		}
		data := descriptor[skip : skip+size]
		descriptor = descriptor[skip+size:]
		if head == longItem {
			continue
		}
		switch head &^ 3 {
		case itemUsagePage:
			page = number(data)
		case itemUsage:
			usage = number(data)
			if size == 4 { // HID 1.11 §6.2.2.8: the upper half is the page
				page, usage = usage>>16, usage&0xffff
			}
		case itemCollection:
			return page == usagePageFIDO && usage == usageCTAPHID
		}
	}
	return false
}

// number reads an item's data.
func number(data []byte) (n uint32) {
	for i, b := range data {
		n |= uint32(b) << (8 * i)
	}
	return n
}
