#!/bin/sh
# Build the Cbc solver, for hosts whose packages have none (Debian and Ubuntu: coinor-cbc).
#
#   ci/install-cbc-from-source.sh [DIRECTORY]     default: ~/cbc
#
# The program is then DIRECTORY/bin/cbc: put that on the PATH of server and workers, in front.
# Needs git, make, pkg-config, a compiler for C++ and one for Fortran. CBC_VERSION names another
# version than 2.10.12, as branch "releases/..." of Cbc's repository.
set -eu
version=${CBC_VERSION:-2.10.12}
prefix=${1:-$HOME/cbc}

for program in git make pkg-config c++ gfortran; do
    command -v "$program" >/dev/null || {
        echo "Building Cbc needs $program." >&2
        exit 1
    }
done

mkdir -p "$prefix"
prefix=$(cd "$prefix" && pwd)
sources=$(mktemp -d)
trap 'rm -rf "$sources"' EXIT
cd "$sources"
git clone --depth 1 https://github.com/coin-or/coinbrew.git
git clone --depth 1 --branch "releases/$version" https://github.com/coin-or/Cbc.git
./coinbrew/coinbrew fetch Cbc --no-prompt --skip-update
./coinbrew/coinbrew build Cbc --no-prompt --prefix="$prefix" --tests none --parallel-jobs "$(nproc)"

"$prefix/bin/cbc" -quit
echo "Add this to the PATH: $prefix/bin"
