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
// Not possible here: the suffix of service data by which a phone offers a
// direct Bluetooth channel needs extended advertising, which broadcast
// advertisements of 31 bytes do not have.
//
// References: doc/org.bluez.{Adapter,Device,LEAdvertisingManager,
// LEAdvertisement}.rst in the BlueZ sources.
package bluez
