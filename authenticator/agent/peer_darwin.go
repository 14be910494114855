package agent

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

func checkPeerUser(fd int) error {
	peer, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	if err != nil {
		return err
	}
	if int(peer.Uid) != os.Getuid() {
		return fmt.Errorf("program of user %d", peer.Uid)
	}
	return nil
}

// peerProgram: the system does not tell.
func peerProgram(int) string { return "" }
