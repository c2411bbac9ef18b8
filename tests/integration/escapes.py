"""Run by a stage: tries to reach what a stage must not, and prints the names of what worked.

Standard library only. Arguments: a folder of the machine with `secret`, `canary`, `socket` and
`pipe`; a TCP port that listens on the machine; the PID of a process with a secret variable.
"""

import contextlib
import ctypes
import glob
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys

OUTSIDE, PORT, PID = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
SECRET = "s3cret-of-the-machine"
LIBC = ctypes.CDLL(None, use_errno=True)
ATTACKS = {}


def attack(function):
    ATTACKS[function.__name__] = function
    return function


def has_secret(path):
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # A pipe must not be waited for.
    try:
        if stat.S_ISFIFO(os.fstat(file).st_mode):
            return False  # Perhaps the one that this program writes to.
        return SECRET.encode() in os.read(file, 100_000)
    finally:
        os.close(file)


def wrote(path):
    with open(path, "a") as file:
        file.write("x")
    return True


# --- reading ---------------------------------------------------------------------------------


@attack
def read_a_file():
    return has_secret(f"{OUTSIDE}/secret")


@attack
def read_through_a_link():
    with contextlib.suppress(FileExistsError):
        os.symlink(f"{OUTSIDE}/secret", "link")
    return has_secret("link")


@attack
def read_through_a_link_of_a_folder():
    with contextlib.suppress(FileExistsError):
        os.symlink(OUTSIDE, "folder")
    return has_secret("folder/secret")


@attack
def read_by_going_up():
    return has_secret("../" * 40 + OUTSIDE.lstrip("/") + "/secret")


@attack
def list_a_folder():
    return "secret" in os.listdir(OUTSIDE)


@attack
def read_by_proc_root():
    return has_secret(f"/proc/self/root{OUTSIDE}/secret")


@attack
def read_by_root_of_the_first_process():
    return has_secret(f"/proc/1/root{OUTSIDE}/secret")


@attack
def read_by_root_of_the_parent():
    return has_secret(f"/proc/{os.getppid()}/root{OUTSIDE}/secret")


@attack
def read_by_working_directory_of_others():
    return any(has_secret(f"{cwd}{OUTSIDE}/secret") for cwd in glob.glob("/proc/[0-9]*/root"))


@attack
def read_by_descriptors_of_others():
    for link in glob.glob("/proc/[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            target = os.readlink(link)
            if not target.startswith(f"/proc/{os.getpid()}") and has_secret(link):
                return True
    return False


@attack
def hard_link_to_a_file():
    os.link(f"{OUTSIDE}/secret", "hard")
    return has_secret("hard")


@attack
def copy_by_another_program():
    done = subprocess.run(["/bin/cat", f"{OUTSIDE}/secret"], capture_output=True, check=False)
    return SECRET.encode() in done.stdout


@attack
def read_from_a_namespace_of_its_own():
    done = subprocess.run(
        ["unshare", "-Urm", "cat", f"{OUTSIDE}/secret"], capture_output=True, check=False
    )
    return SECRET.encode() in done.stdout


@attack
def read_the_home_folder():
    for name in (".bashrc", ".profile"):
        with contextlib.suppress(OSError), open(f"/root/{name}") as file:
            return bool(file.read())
    return False


@attack
def read_shadow():
    return bool(open("/etc/shadow").read())


@attack
def read_keys_of_the_system():
    return bool(os.listdir("/etc/ssh")) or bool(os.listdir("/etc/ssl/private"))


@attack
def read_logs():
    return bool(os.listdir("/var/log"))


@attack
def read_the_raw_disk():
    for disk in ("vda", "sda", "nvme0n1", "mem", "kmem", "port"):
        with contextlib.suppress(OSError), open(f"/dev/{disk}", "rb") as file:
            return bool(file.read(512))
    return False


@attack
def make_a_device():
    os.mknod("disk", 0o600 | 0o060000, os.makedev(254, 0))
    return bool(open("disk", "rb").read(512))


@attack
def read_kernel_memory():
    return bool(open("/proc/kcore", "rb").read(512))


# --- writing ---------------------------------------------------------------------------------


@attack
def write_a_file():
    return wrote(f"{OUTSIDE}/canary")


@attack
def make_a_file():
    return wrote(f"{OUTSIDE}/new")


@attack
def write_through_a_link():
    with contextlib.suppress(FileExistsError):
        os.symlink(f"{OUTSIDE}/canary", "out")
    return wrote("out") and os.path.getsize(f"{OUTSIDE}/canary") > 6


@attack
def delete_a_file():
    os.unlink(f"{OUTSIDE}/canary")
    return True


@attack
def rename_a_file():
    os.rename(f"{OUTSIDE}/canary", "mine")
    return True


@attack
def truncate_a_file():
    os.truncate(f"{OUTSIDE}/canary", 0)
    return True


@attack
def remove_a_folder():
    shutil.rmtree(OUTSIDE)
    return True


@attack
def make_a_folder_at_the_root():
    os.mkdir("/made-by-a-stage")
    return True


@attack
def write_a_program():
    return wrote("/usr/bin/made-by-a-stage")


@attack
def write_a_library():
    return wrote("/usr/lib/made-by-a-stage")


@attack
def write_into_its_python():
    return wrote(os.path.join(os.path.dirname(os.__file__), "made_by_a_stage.py"))


@attack
def change_a_mode():
    os.chmod(f"{OUTSIDE}/secret", 0o777)
    return True


@attack
def change_times():
    os.utime(f"{OUTSIDE}/secret")
    return True


@attack
def make_the_system_writable():
    result = LIBC.mount(None, b"/usr", None, ctypes.c_ulong(32 | 4096), None)
    return result == 0 and wrote("/usr/made-by-a-stage")


@attack
def unmount_the_system():
    return LIBC.umount2(b"/usr", 2) == 0


@attack
def mount_the_disk():
    return LIBC.mount(b"/dev/vda", b"/tmp", b"ext4", ctypes.c_ulong(0), None) == 0


@attack
def mount_proc_again():
    os.makedirs("p", exist_ok=True)
    return LIBC.mount(b"proc", b"p", b"proc", ctypes.c_ulong(0), None) == 0


@attack
def change_the_root():
    os.makedirs("r", exist_ok=True)
    return LIBC.chroot(b"r") == 0


@attack
def write_a_setting_of_the_kernel():
    return wrote("/proc/sys/kernel/core_pattern")


@attack
def write_a_trigger():
    return wrote("/proc/sysrq-trigger")


@attack
def write_to_a_control_group():
    return wrote("/sys/fs/cgroup/cgroup.procs")


@attack
def keep_a_file_in_shared_memory():
    return has_secret("/dev/shm/lockproof-test")


@attack
def set_the_user_bit():
    shutil.copy("/usr/bin/id", "id")
    os.chmod("id", 0o6755)
    done = subprocess.run(["./id", "-u"], capture_output=True, check=False, text=True)
    return done.stdout.strip() != str(os.getuid())


# --- other processes -------------------------------------------------------------------------


@attack
def see_other_processes():
    return (
        os.path.exists(f"/proc/{PID}/cmdline")
        and b"sleep" in open(f"/proc/{PID}/cmdline", "rb").read()
    )


@attack
def read_variables_of_others():
    for file in glob.glob("/proc/[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if has_secret(file):
                return True
    return False


@attack
def read_memory_of_others():
    with open(f"/proc/{PID}/maps") as maps:
        return bool(maps.read())


@attack
def signal_others():
    os.kill(PID, signal.SIGUSR1)
    return True


@attack
def signal_everybody():
    os.kill(PID, 0)
    return True


@attack
def trace_others():
    return LIBC.ptrace(16, PID, 0, 0) == 0


@attack
def write_to_the_first_process():
    return wrote("/proc/1/oom_score_adj") or wrote("/proc/1/comm")


@attack
def become_hard_to_kill():
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("-1000")
    return True


@attack
def change_priority_of_others():
    os.setpriority(os.PRIO_PROCESS, PID, 10)
    return True


@attack
def write_the_status_pipe():
    for link in glob.glob("/proc/1/fd/*"):
        with contextlib.suppress(OSError):
            if int(link.rpartition("/")[2]) > 2:
                with open(link, "wb", buffering=0) as file:
                    file.write(b"exit 0\n")
                    return True
    return False


@attack
def inherit_descriptors():
    names = {os.readlink(f"/proc/self/fd/{fd}") for fd in range(3, 20) if _is_open(fd)}
    return any(OUTSIDE in name or "pipe" in name for name in names)


def _is_open(number):
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


@attack
def enter_other_namespaces():
    return any(LIBC.setns(os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY), 0) == 0 for pid in (1, PID))


@attack
def type_into_the_terminal():
    import fcntl
    import termios

    fcntl.ioctl(os.open("/dev/tty", os.O_RDWR), termios.TIOCSTI, b"x")
    return True


# --- network ---------------------------------------------------------------------------------


@attack
def connect_to_the_machine():
    with socket.create_connection(("127.0.0.1", PORT), timeout=2):
        return True


@attack
def connect_to_the_world():
    with socket.create_connection(("192.0.2.1", 80), timeout=2):
        return True


@attack
def send_a_datagram():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect(("192.0.2.1", 53))
        return sender.send(b"x") == 1


@attack
def connect_to_a_socket_file():
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(f"{OUTSIDE}/socket")
        return True


@attack
def connect_to_an_abstract_socket():
    with socket.socket(socket.AF_UNIX) as client:
        client.connect("\0lockproof-test-" + str(PORT))
        return True


@attack
def write_to_a_named_pipe():
    return os.write(os.open(f"{OUTSIDE}/pipe", os.O_WRONLY | os.O_NONBLOCK), b"x") == 1


@attack
def find_a_service_socket():
    return any(os.path.exists(p) for p in ("/run/docker.sock", "/var/run/docker.sock", "/run/dbus"))


@attack
def add_a_network():
    done = subprocess.run(["ip", "link", "add", "x", "type", "dummy"], check=False)
    return done.returncode == 0


# --- what is to be proved --------------------------------------------------------------------


@attack
def find_the_history():
    done = subprocess.run(["git", "log", "-1"], capture_output=True, check=False)
    return done.returncode == 0


@attack
def find_the_lock():
    return any("dvc.lock" in files for _, _, files in os.walk("."))


@attack
def find_the_cache():
    return any(os.path.isdir(p) for p in (".dvc/cache", f"{OUTSIDE}/.dvc/cache"))


@attack
def load_a_kernel_module():
    return LIBC.syscall(313, -1, b"", 0) == 0


@attack
def set_the_clock():
    import time

    time.clock_settime(time.CLOCK_REALTIME, time.time() + 86400)
    return True


@attack
def set_the_host_name():
    socket.sethostname("made-by-a-stage")
    return True


@attack
def become_somebody_else():
    os.setuid(12345 if os.getuid() != 12345 else 12346)
    return True


@attack
def gain_capabilities():
    with open("/proc/self/status") as file:
        status = file.read()
    return int(status.partition("CapEff:\t")[2].split()[0], 16) != 0


if __name__ == "__main__":
    for name, function in ATTACKS.items():
        try:
            worked = bool(function())
        except (OSError, AttributeError, IndexError, ValueError, shutil.Error):
            worked = False
        print("worked" if worked else "held", name, flush=True)
