#!/usr/bin/env python3
"""Runs the fuzzers that were built with libFuzzer: ./dev fuzz [--keep] [SECONDS] [TARGET…]

Each TARGET begins with the seeds of corpus/TARGET.txt and with what earlier runs left in the cache.
A line of the seeds is an input; what does not print stands as \\xNN there. With --keep the seeds are
written anew: the fewest inputs that reach all that was reached.
"""
import argparse, hashlib, pathlib, re, subprocess, sys, tempfile

here = pathlib.Path(__file__).parent
targets = sorted(path.stem for path in (here / "corpus").glob("*.txt"))

parser = argparse.ArgumentParser(prog="./dev fuzz", usage="%(prog)s [--keep] [SECONDS] [TARGET…]",
                                 epilog="targets: " + " ".join(targets))
parser.add_argument("--programs", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
parser.add_argument("--cache", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
parser.add_argument("--keep", action="store_true", help="rewrite the seeds in the tree")
parser.add_argument("words", nargs="*", help=argparse.SUPPRESS)
options = parser.parse_args()
seconds = int(options.words.pop(0)) if options.words and options.words[0].isdigit() else 600
if unknown := set(options.words) - set(targets):
    parser.error("no such target: " + " ".join(unknown))


def line_of(data):
    return "".join("\\\\" if byte == 0x5C else chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}"
                   for byte in data)


def data_of(line):
    return re.sub(rb"\\(x[0-9a-f]{2}|\\)",
                  lambda found: b"\\" if found[1] == b"\\" else bytes([int(found[1][1:], 16)]),
                  line.encode())


def unpack(seeds, directory):
    directory.mkdir(parents=True, exist_ok=True)
    for line in seeds.read_text().splitlines():
        data = data_of(line)
        (directory / hashlib.sha1(data).hexdigest()).write_bytes(data)


# The words of the interface and of the seeds, so that they need not be guessed letter by letter.
def write_dictionary(seeds, path):
    interface = (here / "../unit/contract/io.reeve.Registry.varlink").read_text()
    words = {f'"{word}"' for word in re.findall(r"\b[a-zA-Z]{3,}\b(?=[:,) ])", interface)}
    words |= {f'"io.reeve.Registry.{name}"' for name in re.findall(r"method (\w+)", interface)}
    words |= set(re.findall(r'"[\w.]+"', seeds.read_text()))
    quoted = (word.replace('"', r'\"') for word in sorted(words))
    path.write_text("".join(f'"{word}"\n' for word in quoted))


def fuzz(target):
    program = options.programs / f"fuzz_{target}"
    seeds = here / "corpus" / f"{target}.txt"
    corpus = options.cache / "corpus" / target
    findings = options.cache / "findings" / target
    unpack(seeds, corpus)
    findings.mkdir(parents=True, exist_ok=True)
    dictionary = options.cache / f"{target}.dictionary"
    write_dictionary(seeds, dictionary)
    ended = subprocess.run(
        [program, corpus, f"-max_total_time={seconds}", f"-artifact_prefix={findings}/",
         f"-dict={dictionary}", "-timeout=300", "-report_slow_units=300",
         "-print_final_stats=1"],
        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace")
    log = options.cache / f"{target}.log"
    log.write_text(ended.stderr)
    executed = re.findall(r"number_of_executed_units: (\d+)", ended.stderr)
    covered = re.findall(r"cov: (\d+)", ended.stderr)
    found = re.findall(r"Test unit written to (\S+)", ended.stderr)
    failed = bool(found) or ended.returncode != 0
    print(f"{target:14} {executed[-1] if executed else '?':>11} {covered[-1] if covered else '?':>9} "
          f"{max(len(found), failed):>8}", flush=True)
    for path in found:
        print(f"  log:       {log}\n  reproduce: sudo {program} {path}\n"
              f"  the seed:  {line_of(pathlib.Path(path).read_bytes())}", flush=True)
    if failed and not found:
        print(f"  ended with status {ended.returncode}: {log}", flush=True)
    if options.keep and not failed:
        with tempfile.TemporaryDirectory() as merged:
            subprocess.run([program, "-merge=1", merged, corpus], check=True,
                           stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            seeds.write_text("".join(sorted(line_of(path.read_bytes()) + "\n"
                                            for path in pathlib.Path(merged).iterdir())))
    return not failed


print(f"{'target':14} {'executions':>11} {'coverage':>9} {'findings':>8}", flush=True)
results = [fuzz(target) for target in options.words or targets]
print(f"inputs that reach something new are kept in {options.cache}/corpus")
sys.exit(0 if all(results) else 1)
