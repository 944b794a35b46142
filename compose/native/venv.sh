#!/bin/sh
# The virtual environment with everything in it; on Debian the module venv is a package of its own.
set -eu
python=${PYTHON:-python3}
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "Bongsu needs Python 3.11 or newer; $python is $("$python" -V 2>&1 || echo not there). Try: make PYTHON=python3.12 ..." >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "· installing $package (Debian) …"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" >/dev/null
    else
        echo "The module venv is missing. Run: sudo apt-get install $package" >&2
        exit 1
    fi
fi
# made anew when it was broken off before it had pip, or its Python is gone
.venv/bin/python -m pip --version >/dev/null 2>&1 || "$python" -m venv --clear .venv
echo "· installing Python packages into .venv …"
.venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[demo,native,dashboards,dev]'
