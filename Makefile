# `make demo` shows it; `make test` proves it. Both do their own set-up.

GO ?= go
FUZZTIME ?= 5s

.PHONY: demo test check race fuzz bench gallery lab lab-key lab-phone deps build clean

demo: build
	build/cardea demo

build:
	$(GO) build -o build/cardea ./cmd/cardea

# Everything: static checks, unit, vectors, world, browser, and the four flows.
test: deps check
	build/cardea demo --check

check: build
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$unformatted" ] || { echo "not gofmt'ed: $$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) test -timeout 30m ./...

# The same tests with the race detector and in a random order; minutes, not seconds.
race:
	$(GO) test -race -shuffle=on ./...

# Each fuzz target for a while.
fuzz:
	@for pkg in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
	    echo "$$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
	  done; \
	done

bench:
	$(GO) test -run '^$$' -bench . -benchmem ./...

# Every page, light and dark, phone and desktop width, as pictures with an
# index.html to leaf through; GALLERYFLAGS="--lang de --lang ar --narrow" for more.
gallery: build deps
	build/cardea gallery $(GALLERYFLAGS) build/gallery

# Clients that others wrote against our security key, and a stock Chromium with
# our phone over Bluetooth, in a guest that has /dev/uhid and /dev/vhci. Needs
# root; docs/INTEROP.md says what runs and what came of it.
lab: lab-key lab-phone

lab-key:
	lab/deps
	mkdir -p build/lab
	lab/libfido2 build/lab
	CGO_ENABLED=0 $(GO) build -o build/lab/cardea ./cmd/cardea
	lab/python build/lab/cardea build/lab/python
	LAB_SCRATCH=build/lab lab/run lab/interop.sh

lab-phone:
	lab/deps
	CGO_ENABLED=0 $(GO) build -o build/lab/ ./cmd/cardea ./lab/visitor
	CGO_ENABLED=0 $(GO) test -c -o build/lab/bluez.test ./hybrid/radio/bluez
	LAB_SCRATCH=build/lab LAB_MEMORY=4096 LAB_TIMEOUT=3600 lab/run lab/crown.sh

deps:
	@.ci/test-deps

clean:
	rm -rf build
