# maillab: make up brings the example class up, make test passes every test that this machine can run.
GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
COMMIT  ?= $(shell git rev-parse --short HEAD 2>/dev/null || echo unknown)

# What runs inside a sandbox carries no version: the image's tag is a hash of its contents, so only what really changed
# makes a new image. Not even the toolchain's build ID may move.
DAEMONS      = maild labinit gateway lab web
DAEMON_FLAGS = -trimpath -buildvcs=false -ldflags '-s -w -buildid='
STATICCHECK  = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK  = golang.org/x/vuln/cmd/govulncheck@v1.9.0

.PHONY: up test race build daemons check lint vulnerabilities fuzz bench bench-class bench-swarm bench-mail bench-web torture torture-swarm clean dist dist-check

up: build
	bin/maillab up

build: daemons
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags '-X main.version=$(VERSION) -X main.commit=$(COMMIT)' -o bin/maillab ./cmd/maillab

daemons:
	@mkdir -p images/sandbox/bin
	CGO_ENABLED=0 GOOS=linux $(GO) build $(DAEMON_FLAGS) -o images/sandbox/bin/ $(DAEMONS:%=./cmd/%)

# Tests that need an engine, or a program that is not installed, say so and skip; what was skipped, and why, is listed at
# the end. MAILLAB_REQUIRE_DOCKER=1 makes a missing engine a failure. One package at a time: several of them bring classes up
# on the one engine, and tests of what is typed by hand want a machine that keeps up. What fails has failed: nothing is run
# a second time.
test: build
	$(GO) run ./internal/tools/testreport -go '$(GO)' -- -p 1 -timeout 45m ./...

# The unit tests once more under the race detector, which wants a C compiler. What needs an engine, or plays whole mail
# programs against the daemon, is not among them: it is processes, not goroutines, that meet there.
APART = /internal/(e2e|mailproof|sandbox|disposable|engine/docker)$$
race:
	DOCKER_HOST=unix:///none MAILLAB_REQUIRE_DOCKER=0 CGO_ENABLED=1 $(GO) run ./internal/tools/testreport -go '$(GO)' -- -race -p 2 -timeout 30m $$($(GO) list ./... | grep -v -E '$(APART)' | sed 's|^maillab|.|')

# Other systems' files are looked at, too, tests included.
lint:
	@test -z "$$(gofmt -l cmd docs internal images labs)" || { gofmt -l cmd docs internal images labs; echo 'run gofmt -w on these'; exit 1; }
	$(GO) vet ./...
	GOOS=darwin $(GO) vet ./...
	GOOS=windows $(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

# Known faults in what we use, as far as our code reaches them. The list of them is on the network: without it nothing is said.
vulnerabilities:
	@out=$$($(GO) run $(GOVULNCHECK) ./... 2>&1); code=$$?; echo "$$out"; \
	case "$$out" in *'fetching vulnerabilities'*) echo 'govulncheck: its database cannot be had here: nothing was checked';; *) exit $$code;; esac

# Each fuzz target for FUZZTIME.
FUZZTIME ?= 20s
fuzz:
	@for pkg in $$($(GO) list ./...); do \
	  for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
	    echo "$$pkg $$target"; $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
	  done; \
	done

# The mail daemon is killed under load for TORTURE, in each of five ways, and every message accounted for.
TORTURE ?= 5m
torture:
	MAILLAB_TORTURE=$(TORTURE) $(GO) test -count=1 -timeout 3h -v -run '^TestTorture$$' ./internal/mailproof

# One of a swarm's three machines is killed under load, so often, and every message accounted for. It needs root and dockerd.
KILLS ?= 20
torture-swarm: build
	MAILLAB_TORTURE_SWARM=$(KILLS) MAILLAB_REQUIRE_DOCKER=1 $(GO) test -count=1 -timeout 3h -v -run '^TestSwarmTorture$$' ./internal/e2e

# The mail daemon beside Postfix and Dovecot in a container, on this machine, in one run.
bench-mail:
	CGO_ENABLED=0 MAILLAB_BENCH_MAIL=1 $(GO) test -count=1 -timeout 1h -v -run '^TestBesidePostfixAndDovecot$$' ./internal/mailproof

# A class beside docker-compose, on this machine, in one run: CLASSES of students. 300 of them want some 4 GB of memory:
# make bench-class CLASSES=1,10,30,100,300
CLASSES ?= 1,10,30,100
bench-class: build
	MAILLAB_BENCH_CLASS=$(CLASSES) $(GO) test -count=1 -timeout 1h -v -run '^TestClassSpeed$$' ./internal/e2e

# A class on a swarm of three engines in namespaces of this machine, beside Swarm's bare services and the docker engine: SWARM of students.
SWARM ?= 30,100
bench-swarm: build
	MAILLAB_BENCH_SWARM=$(SWARM) $(GO) test -count=1 -timeout 1h -v -run '^TestSwarmSpeed$$' ./internal/e2e

# The class's page on this machine: first page, a key's echo beside SSH alone, memory, a board's processor time.
PAGES ?= 30
bench-web: build
	MAILLAB_BENCH_WEB=$(PAGES) $(GO) test -count=1 -timeout 1h -v -run '^TestPageSpeed$$' ./internal/e2e

bench: build
	$(GO) test -run '^$$' -bench . -benchtime 2s ./...

# A release: every platform's maillab and maild, SHA256SUMS, an SBOM.
PLATFORMS ?= linux/amd64,linux/arm64,darwin/amd64,darwin/arm64,windows/amd64,windows/arm64
DIST       = $(GO) run ./internal/tools/dist -go '$(GO)' -version '$(VERSION)' -commit '$(COMMIT)' -daemons '$(DAEMONS)' -platforms '$(PLATFORMS)'
dist:
	$(DIST) -out dist

# Built twice, the second time from a copy of the tree in another place with an empty build cache: equal bytes.
dist-check:
	@copy=$$(mktemp -d) && trap 'rm -rf '$$copy EXIT && mkdir $$copy/tree && \
	git ls-files -z -co --exclude-standard | tar -c --null --files-from - --ignore-failed-read | tar -x -C $$copy/tree && \
	$(DIST) -out dist && \
	(cd $$copy/tree && $(DIST) -out $$copy/dist -cache $$copy/cache) && \
	cmp dist/SHA256SUMS $$copy/dist/SHA256SUMS && echo 'built twice, equal bytes'

clean:
	rm -rf bin dist images/sandbox/bin/maild images/sandbox/bin/labinit images/sandbox/bin/gateway images/sandbox/bin/lab images/sandbox/bin/web
