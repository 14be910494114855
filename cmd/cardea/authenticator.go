package main

// The passkey app. Without a subcommand it runs.
type authenticatorCommand struct {
	Run     authenticatorRunCommand     `cmd:"" default:"withargs" help:"Run the passkey app: its pages, its vault, its agent, and a security key for this computer (the default)."`
	Install authenticatorInstallCommand `cmd:"" help:"Have the app start with your session, and say what an administrator must do."`
	Status  authenticatorStatusCommand  `cmd:"" help:"Say whether the app runs and what it lacks."`
	Scan    authenticatorScanCommand    `cmd:"" help:"Show the running app, a phone's, a picture of a code, as its camera would."`
	Serve   authenticatorServeCommand   `cmd:"" help:"Be a security key for tests, on a port of this machine."`
}
