#!/usr/bin/env python3
"""A worker that cannot outlive this program. reeve speaks varlink: JSON over a unix socket."""
import json, os, socket, subprocess, sys

reeve = socket.socket(socket.AF_UNIX)
reeve.connect(os.environ.get("REEVE_SOCKET", "/run/reeve/io.reeve.Registry"))

def call(method, descriptors=(), **parameters):
    message = json.dumps({"method": "io.reeve.Registry." + method, "parameters": parameters})
    socket.send_fds(reeve, [message.encode() + b"\0"], descriptors)
    reply = b""
    while not reply.endswith(b"\0"):
        reply += reeve.recv(65536) or sys.exit("reeved has closed the connection")
    reply = json.loads(reply[:-1])
    if "error" in reply:
        sys.exit(f"{method}: {reply['error']} {reply['parameters']}")
    return reply["parameters"]

call("OpenRun", name="example")  # it ends when this process does, and whatever is in it
call("EnterRun")                 # so that all that is forked from here on is in it
call("Reserve", worker="sleeper")
process = subprocess.Popen(["sleep", "60"])
pidfd = os.pidfd_open(process.pid)  # unlike a pid, it can never mean another process
worker = call("Activate", [pidfd], worker="sleeper", processFileDescriptor=0)["worker"]
print(worker["worker"], worker["state"], "in", worker["controlGroup"])
call("Stop", worker="sleeper")   # replies when all that sleeper ever started is gone
process.wait()
print(call("GetWorker", worker="sleeper")["worker"]["exit"])
