package agent

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

func checkPeerUser(fd int) error {
	peer, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return err
	}
	if int(peer.Uid) != os.Getuid() {
		return fmt.Errorf("program of user %d", peer.Uid)
	}
	return nil
}

// peerProgram names the program at the other end by its executable file. Our
// own browser host stands for the browser that has started it.
func peerProgram(fd int) string {
	peer, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return ""
	}
	pid := int(peer.Pid)
	own, err := os.Executable()
	if err == nil && pid != os.Getpid() && executable(pid) == own {
		if parent, ok := parentOf(pid); ok {
			pid = parent
		}
	}
	file := executable(pid)
	if file == "" {
		return ""
	}
	return filepath.Base(file)
}

// executable is the file that a process runs; empty if it is not ours to know.
func executable(pid int) string {
	file, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), "exe"))
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(file, " (deleted)") // updated while it ran
}

// parentOf reads the fourth field of /proc/PID/stat (proc_pid_stat(5)). The
// second, a name in parentheses, may hold anything.
func parentOf(pid int) (int, bool) {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, false
	}
	rest := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(rest) < 2 {
		return 0, false
	}
	parent, err := strconv.Atoi(string(rest[1]))
	return parent, err == nil && parent > 1
}
