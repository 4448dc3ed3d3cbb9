#!/usr/bin/env bash
# Makes sure that the server programs the tests start are installed: redis-server, PostgreSQL and MariaDB.
# Uses what is there and installs only what is missing. Starts nothing: every test starts its own, on a random port.
set -euo pipefail

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
trap remove_policy EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

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

missing=$(missing_services)
if [ -n "$missing" ]; then
  say "missing: $(echo $missing)"
  manager=$(package_manager) ||
    fail "no package manager that this script knows (apt-get, dnf, apk, brew); install by hand: $(echo $missing)"
  packages=()
  for service in $missing; do packages+=("$(package_of "$manager" "$service")"); done
  install_packages "$manager" "${packages[@]}" || fail "$manager could not install ${packages[*]}; its message is above"
  missing=$(missing_services)
  [ -z "$missing" ] || fail "$manager installed ${packages[*]}, but there is still no program for: $(echo $missing)"
fi

say "redis      $("$(find_program redis-server)" --version)"
say "postgres   $("$(find_program postgres)" --version)"
say "mariadb    $("$(find_program mariadbd mysqld)" --version)"
if [ "$(id -u)" = 0 ]; then
  id postgres >/dev/null 2>&1 || fail "PostgreSQL does not run as root, and there is no user postgres to run it as: useradd --system postgres"
fi
say 'all there; nothing was started'
