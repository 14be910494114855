package app

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
)

// What a Linux machine of little-endian order lists.
const (
	table4 = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:2122 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1151 1 000000003b190409 100 0 0 10 0
   1: 0100007F:2122 0100007F:A229 01 00000000:00000000 00:00000000 00000000  1000        0 1152 1 000000003b190409 100 0 0 10 0
   2: 0100007F:A229 0100007F:2122 01 00000000:00000000 00:00000000 00000000  1001        0 1153 1 000000003b190409 100 0 0 10 0
   3: 0100007F:CD66 0100007F:2122 05 00000000:00000000 03:00001188 00000000     0        0 0 3 000000004ef7219b
   4: 0100007F:CD67 0100007F:2122 01 00000000:00000000 00:00000000 00000000  who        0 1154
`
	table6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000001000000:A22A 00000000000000000000000001000000:2122 01 00000000:00000000 00:00000000 00000000  1002        0 1155 1 0
   1: 0000000000000000FFFF00000100007F:A22B 0000000000000000FFFF00000100007F:2122 01 00000000:00000000 00:00000000 00000000  1003        0 1156 1 0
`
)

func TestTheTableTellsWhoseAConnectionIs(t *testing.T) {
	t.Parallel()
	if end, ok := parseEnd("0100007F:2122"); !ok || end.String() != "127.0.0.1:8482" {
		t.Skipf("the table is that of a machine of the other order: %s", end)
	}
	for _, tt := range []struct {
		name, table, client, server string
		want                        int
		err                         string
	}{
		{"the client's end, not the server's", table4, "127.0.0.1:41513", "127.0.0.1:8482", 1001, ""},
		{"another client", table4, "127.0.0.1:41514", "127.0.0.1:8482", 0, errNotListed.Error()},
		{"another server", table4, "127.0.0.1:41513", "127.0.0.1:8483", 0, errNotListed.Error()},
		{"half closed, and so without an owner", table4, "127.0.0.1:52582", "127.0.0.1:8482", 0, errNotListed.Error()},
		{"a user that is no number", table4, "127.0.0.1:52583", "127.0.0.1:8482", 0, "reading the user"},
		{"IPv6", table6, "[::1]:41514", "[::1]:8482", 1002, ""},
		{"IPv4 in IPv6", table6, "127.0.0.1:41515", "127.0.0.1:8482", 1003, ""},
		{"no table", "", "127.0.0.1:41513", "127.0.0.1:8482", 0, errNotListed.Error()},
	} {
		got, err := ownerOf(strings.NewReader(tt.table), netip.MustParseAddrPort(tt.client), netip.MustParseAddrPort(tt.server))
		if got != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %d, %v; want %d, %q", tt.name, got, err, tt.want, tt.err)
		}
	}
}

func FuzzOwnerOf(f *testing.F) {
	f.Add(table4)
	f.Add(table6)
	f.Add("0: 0100007F:A229 0100007F:2122 01 0 0 0 -1")
	client, server := netip.MustParseAddrPort("127.0.0.1:41513"), netip.MustParseAddrPort("127.0.0.1:8482")
	f.Fuzz(func(t *testing.T, table string) {
		uid, err := ownerOf(strings.NewReader(table), client, server)
		if err != nil && uid != 0 {
			t.Errorf("user %d beside %v", uid, err)
		}
		if err == nil && !strings.Contains(table, established) {
			t.Errorf("user %d of a connection that is not established", uid)
		}
		if errors.Is(err, errNotListed) && table == table4 {
			t.Error("the connection is not found")
		}
	})
}
