package main

// The passkey app. Without a subcommand it runs.
type authenticatorCommand struct {
	Run     authenticatorRunCommand     `cmd:"" default:"withargs" help:"Run the passkey app: its pages, its vault, its agent, and a security key for this computer (the default)."`
	Install authenticatorInstallCommand `cmd:"" help:"Have the app start with your session, and say what an administrator must do."`
	Status  authenticatorStatusCommand  `cmd:"" help:"Say whether the app runs and what it lacks."`
	Scan    authenticatorScanCommand    `cmd:"" help:"Show the running app, a phone's, a picture of a code, as its camera would."`
	Serve   authenticatorServeCommand   `cmd:"" help:"Be a security key for tests, on a port of this machine."`

	Passkeys passkeysCommand `cmd:"" help:"Look after the passkeys."`
	PIN      pinCommand      `cmd:"" name:"pin" help:"Set or change what opens the vault."`
	Lock     lockCommand     `cmd:"" help:"Lock the running app's vault."`
	Unlock   unlockCommand   `cmd:"" help:"Unlock the running app's vault."`
	Backup   backupCommand   `cmd:"" help:"Write all passkeys to a file, sealed under a passphrase."`
	Restore  restoreCommand  `cmd:"" help:"Bring passkeys back from a backup."`
	Export   exportCommand   `cmd:"" help:"Write passkeys for another app to read, NOT encrypted (CXF)."`
	Import   importCommand   `cmd:"" help:"Take passkeys over that another app has exported (CXF)."`
	Reset    resetCommand    `cmd:"" help:"Erase the vault and every passkey in it."`
}
