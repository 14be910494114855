// Package bluez is the Bluetooth adapter of a Linux computer as a radio of the
// hybrid transport, through BlueZ and the system's D-Bus.
//
// To advertise, it exports an object with the interface
// org.bluez.LEAdvertisement1 and has the adapter's LEAdvertisingManager1 send
// it as type "broadcast": not connectable, from an address that cannot be
// resolved. To scan, it starts discovery on the adapter and reads the property
// ServiceData of every device that BlueZ reports.
//
//	Advertise ─RegisterAdvertisement──▶ bluetoothd ◀─StartDiscovery─ Scan
//	          ◀─GetAll(LEAdvertisement1)─┘      └─PropertiesChanged(Device1)─▶
//
// Each act has a connection to the bus of its own. BlueZ ties advertisement
// and discovery to the connection that asked, so both end with it, whatever
// happens to this process.
//
// Direct connections (CTAP 2.3 §11.5.1) are L2CAP channels of Linux's sockets.
// The suffix that names their place fits a legacy advertisement because the
// list of UUIDs is left out there; a PSM of one byte, as the kernel gives, and
// no more.
//
// References: doc/org.bluez.{Adapter,Device,LEAdvertisingManager,
// LEAdvertisement}.rst in the BlueZ sources.
package bluez
