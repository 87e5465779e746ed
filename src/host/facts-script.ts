/**
 * Prints all facts of a host in one run, in sections that begin with `@@ NAME`. It needs only the programs of a minimal
 * base system; without iproute2 it reads the files of the kernel. Parameters: the paths whose file systems are reported.
 */
export const FACTS_SCRIPT = `export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
section() { printf '@@ %s\\n' "$1"; }
have() { command -v "$1" >/dev/null 2>&1; }

section time; date +%s.%N
section hostname; cat /proc/sys/kernel/hostname
section os-release; cat /etc/os-release 2>/dev/null || cat /usr/lib/os-release
section kernel; uname -r
section machine; uname -m
section systemd; [ -d /run/systemd/system ] && { systemctl is-system-running 2>/dev/null || true; }
section cpus; getconf _NPROCESSORS_ONLN
section meminfo; cat /proc/meminfo
section overcommit; cat /proc/sys/vm/overcommit_memory
section selinux; cat /sys/fs/selinux/enforce 2>/dev/null && [ -d /usr/share/containers/selinux ] && echo containers
section cgroup; if [ -f /sys/fs/cgroup/cgroup.controllers ]; then echo 2; elif [ -d /sys/fs/cgroup ]; then echo 1; fi
section machine-id; cat /etc/machine-id 2>/dev/null
section product-uuid; cat /sys/class/dmi/id/product_uuid 2>/dev/null
section hosts; cat /etc/hosts 2>/dev/null
section addresses
if have ip; then ip -o address show
else hostname -I 2>/dev/null; fi
section routes; cat /proc/net/route 2>/dev/null
section sockets
if have ss; then echo ss; ss -H -lntup
else
  echo proc
  for table in tcp tcp6 udp udp6; do
    [ -r "/proc/net/$table" ] && sed -n -e "/ 0A [0-9A-F]*:/s/^/$table /p" -e "/ 07 [0-9A-F]*:/s/^/$table /p" "/proc/net/$table"
  done
  for process in /proc/[0-9]*; do
    name=$(tr '\\n' ' ' 2>/dev/null < "$process/comm") || continue
    ls -l "$process/fd" 2>/dev/null | sed -n 's/.*socket:\\[\\([0-9]*\\)\\].*/\\1/p' | while read -r inode; do
      printf 'process %s %s %s\\n' "$inode" "\${process#/proc/}" "$name"
    done
  done
fi
for path in "$@"; do
  section "filesystem $path"
  while [ ! -e "$path" ]; do path=$(dirname -- "$path"); done
  df -P -B1 -- "$path" | tail -n 1
done
section end
exit 0
`;
