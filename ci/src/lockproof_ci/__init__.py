"""Prove that what a Git commit claims about its data, code and models is true.

Each function runs the command of the same name, `lockproof STEP`, in a container that is built from
lockproof's own source and lock, as a user without rights. What it returns is the step's proof: the
verdict and the reports. A verdict other than passed fails the call and prints the report's table;
with `--no-fail` it is a value, so that its reports can be exported:

    dagger -m github.com/lockproof/lockproof call --repository . reproduce
    dagger -m github.com/lockproof/lockproof call --repository . -o out reproduce --no-fail reports
"""

from .main import Lockproof as Lockproof
