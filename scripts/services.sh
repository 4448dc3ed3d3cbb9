#!/usr/bin/env bash
# Makes sure that what the tests need beside npm's packages is there: the programs of redis-server, PostgreSQL and
# MariaDB, and better-sqlite3 compiled for this Node. Uses what is there and installs only what is missing. Starts
# nothing: every test starts its own servers, on a random port.
#
#   services.sh [servers | native]    only the one or the other; both unless given
#
# Where better-sqlite3 cannot be compiled, that is said, and is a failure where CI=true; elsewhere all but its tests can
# still run.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'services: %s\n' "$*"; }
fail() { printf 'services: %s\n' "$*" >&2; exit 1; }

# Prints the full path of the first of the names that is found. Debian and Homebrew keep PostgreSQL's out of PATH.
find_program() {
  local name folder
  for name in "$@"; do
    if command -v "$name" 2>/dev/null; then return 0; fi
    for folder in /usr/lib/postgresql/*/bin /usr/sbin /usr/local/sbin /usr/libexec /opt/homebrew/opt/*/bin /usr/local/opt/*/bin; do
      if [ -x "$folder/$name" ]; then printf '%s\n' "$folder/$name"; return 0; fi
    done
  done
  return 1
}

has_redis() { find_program redis-server >/dev/null; }
has_postgres() { find_program initdb >/dev/null && find_program postgres >/dev/null; }
has_mariadb() { find_program mariadbd mysqld >/dev/null && find_program mariadb-install-db mysql_install_db >/dev/null; }

missing_services() {
  has_redis || echo redis
  has_postgres || echo postgres
  has_mariadb || echo mariadb
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else fail "this needs root, and there is no sudo: $*"; fi
}

# The name a package manager has for a service.
package_of() {
  case "$1:$2" in
    apt-get:redis) echo redis-server ;;
    apt-get:postgres) echo postgresql ;;
    apt-get:mariadb | dnf:mariadb) echo mariadb-server ;;
    dnf:g++) echo gcc-c++ ;;
    brew:g++) echo gcc ;;
    dnf:postgres) echo postgresql-server ;;
    brew:postgres) echo postgresql@17 ;;
    apk:postgres) echo postgresql ;;
    *) echo "$2" ;;
  esac
}

# Debian's packages start their service at once; a policy of "no" stops that. It is removed again in any case, and one
# that is already there is left alone.
POLICY=/usr/sbin/policy-rc.d
POLICY_IS_OURS=
remove_policy() {
  if [ -n "$POLICY_IS_OURS" ]; then POLICY_IS_OURS=; as_root rm -f "$POLICY"; fi
}
clean_up_at_the_end() {
  trap remove_policy EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
}
clean_up_at_the_end

install_with_apt() {
  if [ ! -e "$POLICY" ]; then
    POLICY_IS_OURS=yes
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$POLICY" >/dev/null
    as_root chmod 755 "$POLICY"
  fi
  # Chained by hand: below an `||`, as this is called, `set -e` does not apply.
  local outcome=0
  as_root apt-get -o Acquire::Retries=3 -qq update &&
    as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
      apt-get -o Acquire::Retries=3 -qq install -y --no-install-recommends "$@" || outcome=$?
  remove_policy
  return "$outcome"
}

install_packages() {
  local manager=$1
  shift
  say "installing with $manager: $*"
  case "$manager" in
    apt-get) install_with_apt "$@" ;;
    dnf) as_root dnf install -y "$@" ;;
    apk) as_root apk add --no-cache "$@" ;;
    brew) brew install "$@" ;;
  esac
}

package_manager() {
  local manager
  for manager in apt-get dnf apk brew; do
    if command -v "$manager" >/dev/null; then echo "$manager"; return 0; fi
  done
  return 1
}

# install_missing <function that prints what is missing>: installs it, and looks again.
install_missing() {
  local missing manager service packages=()
  missing=$("$1")
  if [ -z "$missing" ]; then return 0; fi
  say "missing: $(echo $missing)"
  manager=$(package_manager) ||
    fail "no package manager that this script knows (apt-get, dnf, apk, brew); install by hand: $(echo $missing)"
  for service in $missing; do packages+=("$(package_of "$manager" "$service")"); done
  install_packages "$manager" "${packages[@]}" || fail "$manager could not install ${packages[*]}; its message is above"
  missing=$("$1")
  [ -z "$missing" ] || fail "$manager installed ${packages[*]}, but there is still no program for: $(echo $missing)"
}

servers() {
  install_missing missing_services
  say "redis      $("$(find_program redis-server)" --version)"
  say "postgres   $("$(find_program postgres)" --version)"
  say "mariadb    $("$(find_program mariadbd mysqld)" --version)"
  if [ "$(id -u)" = 0 ]; then
    id postgres >/dev/null 2>&1 || fail "PostgreSQL does not run as root, and there is no user postgres to run it as: useradd --system postgres"
  fi
}

# What node-gyp needs; asked for only when there is something to compile.
missing_compilers() {
  command -v g++ >/dev/null || command -v c++ >/dev/null || echo g++
  command -v make >/dev/null || echo make
  command -v python3 >/dev/null || echo python3
}

native() {
  local binding
  if ! binding=$(node scripts/better-sqlite3.mjs --check 2>/dev/null); then
    # In a shell of its own, which forgets the traps: what fails in it is said, and decided about below.
    (clean_up_at_the_end && install_missing missing_compilers) && binding=$(node scripts/better-sqlite3.mjs) || binding=
  fi
  if [ -n "$binding" ]; then
    say "better-sqlite3 for Node $(node --version): $binding"
    return 0
  fi
  if [ "${CI:-}" = true ]; then fail 'better-sqlite3 could not be built; the reason is above'; fi
  say 'better-sqlite3 could not be built; the reason is above. Its tests will fail, all others can run'
}

case "${1:-all}" in
  servers) servers ;;
  native) native ;;
  all)
    servers
    native
    ;;
  *) fail "unknown: $1; give servers, native or nothing" ;;
esac
say 'nothing was started'
