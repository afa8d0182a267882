# Sourced by the scripts that start something on this machine.

# Ends the script if somebody listens on one of these ports of the loopback interface.
need_free() {
    local port
    for port in "$@"; do
        if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "port $port is taken: does it run already?" >&2
            exit 1
        fi
    done
}
