"""What is said of a plan is true: hints do without collectives, kinds of memory add up, the page works in a browser, plans are compared."""
import html
import json
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import ROOT, Skip, Suite, expect

suite = Suite(__doc__)
GPT = os.path.join(ROOT, "examples", "04_gpt", "gpt.dsl")
SMALL = [word for size in ("Batch=4", "Seq=16", "Embed=32", "Heads=4", "Layers=2") for word in ("--set", size)]
KINDS = ("params", "gradients", "optimizer", "activations", "buffers", "temporaries")
PLANS = {
    "data": "dp=2", "zero1": "dp=2", "zero2": "dp=2", "fsdp": "dp=2", "tensor": "tp=2", "tensor_sequence": "tp=2", "two_d": "dp=2,tp=2",
}


def explain(file, plan, mesh=None, *more):
    sizes = ["--mesh", mesh] if mesh else []
    return json.loads(suite.cleave("explain", file, "--plan", plan, *sizes, *SMALL, *more, "--json").stdout)


def identity(collective):
    """What makes two collectives of two plans one."""
    return tuple([collective["op"], tuple(collective["mesh_axes"]), collective["value"], collective["phase"],
                  re.sub(r".*/", "", collective["source"])])


# The plans of the library that hints are tried on, as text that can be edited, and one with layouts.
WRITTEN = """
plan sequence on mesh(tp: 2) {
  shard Heads, Hidden, Vocab over tp
  shard Seq over tp
}
plan stored on mesh(dp: 2) {
  shard Batch over dp
  store params, gradients, optimizer over dp
}
plan grid2 on mesh(dp: 2, tp: 2) {
  shard Batch over dp
  shard Heads, Hidden, Vocab over tp
  store optimizer over dp
}
"""


UNEVEN = """
plan uneven on mesh(dp: 3) {
  shard Batch over dp
  remainder uneven for Batch
}
"""


def edited(text, edits):
    """The program's text with what hints leave out taken out of the lines they name."""
    lines = text.split("\n")
    for edit in edits:
        number = int(edit["plan"].split(":")[-2]) - 1
        words, behind = re.match(r"(\s*\w+ )(.*?)( over .*)$", lines[number]).group(2, 3)
        left = [word for word in words.split(", ") if word != edit["leave_out"]]
        lines[number] = lines[number].replace(words + behind, ", ".join(left) + behind) if edit["leave_out"] and left else ""
    return "\n".join(lines)


@suite.test("the edit of a hint does without its collective")
def _():
    with open(GPT, encoding="utf-8") as file:
        text = file.read() + WRITTEN
    path = suite.path("gpt.dsl")
    tried = set()
    for plan in ("sequence", "stored", "grid2"):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        collectives = explain(path, plan)["collectives"]
        hinted = [c for c in collectives if c["edits"]]
        expect(len(hinted) > 0.9 * len(collectives), f"most collectives of {plan} have an edit; found {len(hinted)} of {len(collectives)}")
        byEdit = {}
        for collective in hinted:
            byEdit.setdefault(json.dumps(collective["edits"]), []).append(collective)
        for edits, without in byEdit.items():
            with open(path, "w", encoding="utf-8") as file:
                file.write(edited(text, json.loads(edits)))
            after = explain(path, plan)["collectives"]
            left = {identity(c) for c in after}
            sent = sum(c["count"] * c["bytes_per_rank"] for c in after)
            for collective in without:
                # Behind the edit lines keep their numbers, and values their names.
                expect(identity(collective) not in left, f"{plan}: {edits} does without {identity(collective)}; found it")
                expect(collective["bytes_without"] == sent, f"{plan}: {edits} leaves {collective['bytes_without']} bytes; found {sent}")
            tried.add((plan, edits))
    expect(len(tried) >= 6, f"several edits are tried; found {tried}")


@suite.test("the line of the plan is the one that cut the value, also where two share their axes")
def _():
    path = suite.path("two.dsl")
    with open(path, "w", encoding="utf-8") as file:
        file.write("""axis Batch = 8, In = 8, Hidden = 8
layer Net(x: f32[Batch, In]) -> f32[Batch, In] {
  param a: f32[In, Hidden] = normal(std: 0.1)
  param b: f32[Hidden, In] = normal(std: 0.1)
  let h[b0: Batch, j] = sum(i) x[b0, i] * a[i, j]
  return y[b0: Batch, i] = sum(j) h[b0, j] * b[j, i]
}
layer first = Net
layer second = Net
entry run(x: f32[Batch, In]) -> (y: f32[Batch, In]) { return second(first(x)) }
plan p on mesh(tp: 2) {
  layout first.a: [In, Hidden/tp]
  layout second.a: [In, Hidden/tp]
}
""")
    found = json.loads(suite.cleave("explain", path, "--plan", "p", "--json").stdout)["collectives"]
    lines = [(c["op"], c["plan"].split(":")[-2], c["path"][0]) for c in found]
    expect(lines == [("all_reduce", "12", "first.a"), ("all_reduce", "13", "second.a")],
           f"each sum is the work of its own layout; found {lines}")


@suite.test("kinds of memory add up to the peak of each class of ranks")
def _():
    for plan, mesh in PLANS.items():
        for rank in explain(GPT, plan, mesh)["memory"]:
            total = sum(rank[kind] for kind in KINDS)
            expect(total == rank["peak_bytes"], f"{plan}: {rank} adds up; found {total}")
            expect(all(rank[kind] >= 0 for kind in KINDS), f"{plan}: no kind is negative; found {rank}")
            expect(rank["scratch"] + rank["params"] + rank["optimizer"] <= rank["peak_bytes"], f"{plan}: the page's fixed part; found {rank}")
            expect(0 <= rank["gaps"] <= rank["temporaries"], f"{plan}: gaps are temporaries; found {rank}")
    with open(GPT, encoding="utf-8") as file, open(suite.path("uneven.dsl"), "w", encoding="utf-8") as copy:
        copy.write(file.read() + UNEVEN)
    classes = explain(suite.path("uneven.dsl"), "uneven")["memory"]
    expect([c["rank_count"] for c in classes] == [1, 2] and classes[0]["activations"] > classes[1]["activations"],
           f"two rows of a batch take more than one; found {classes}")
    expect(all(sum(c[kind] for kind in KINDS) == c["peak_bytes"] for c in classes), f"each class adds up; found {classes}")
    data, fsdp = (explain(GPT, plan, "dp=4")["memory"][0] for plan in ("data", "fsdp"))
    expect(abs(fsdp["params"] * 4 / data["params"] - 1) < 0.05 and abs(fsdp["optimizer"] * 4 / data["optimizer"] - 1) < 0.05,
           f"fsdp keeps a quarter of parameters and optimiser; found {fsdp} to {data}")
    # All gradients are there at once when their norm is taken.
    expect(0 < data["gradients"] <= 1.1 * data["params"], f"gradients are as large as parameters; found {data}")


@suite.test("gathered inputs under tensor and sequence sharding are said to be kept or gathered again")
def _():
    facts = explain(GPT, "tensor_sequence", "tp=2")
    gathers = [c for c in facts["collectives"] if c["op"] == "all_gather" and c["bytes_per_rank"] == max(c["bytes_per_rank"] for c in facts["collectives"])]
    said = {c["backward"] for c in gathers if c["phase"] == "forward"}
    expect(said <= {"kept", "again"} and said, f"each gather going forwards says it; found {gathers}")
    for source in {c["source"] for c in gathers if c["phase"] == "forward"}:
        here = [c for c in gathers if c["source"] == source]
        again = sum(c["count"] for c in here if c["backward"] == "again")
        back = sum(c["count"] for c in here if c["phase"] == "backward")
        expect(again == back, f"{source}: {again} are gathered again; found {back} backwards")
    text = suite.cleave("explain", GPT, "--plan", "tensor_sequence", "--mesh", "tp=2", *SMALL).stdout
    expect("gathered inputs" in text and ("gathered again" in text or "kept as gathered" in text), f"the text says so; found {text[-2000:]}")


# --- the page -----------------------------------------------------------------------------------------

# What a person does, and what there is to see of it: the test adds this to a copy of the page.
ACTIONS = """
<pre id="result"></pre><script>
const result = {};
const text = (id) => document.getElementById(id).textContent;
const type = (id, value) => { const e = document.getElementById(id); e.value = value; e.dispatchEvent(new Event("input")); };
try {
  result.title = text("title");
  result.items = document.querySelectorAll("#timeline .item").length;
  result.unnamed = [...document.querySelectorAll("#timeline .item")].filter((e) => !e.getAttribute("aria-label")).length;
  result.peak = text("peak");
  result.layers = [...document.querySelectorAll("#timeline path[data-kind]")].map((e) => e.dataset.kind);
  result.repeats = [...document.querySelectorAll("#timeline text")].filter((e) => /\\u00d7 \\d+/.test(e.textContent)).length;
  result.rows = document.querySelectorAll("#coll tr.pick").length;
  document.querySelector("#timeline .item[tabindex='0']").dispatchEvent(new MouseEvent("click"));
  result.detail = text("detail");
  result.marked = document.querySelectorAll("#plan .on").length;
  type("coll-find", "reduce_scatter");
  result.filtered = document.querySelectorAll("#coll tr.pick").length;
  type("tens-find", "up.w");
  result.tensors = document.querySelectorAll(".tensor").length;
  document.querySelector(".tensor").click();
  result.tensor = text("detail");
  result.blocks = document.querySelectorAll("#detail svg rect").length;
  type("rank", "3");
  result.rank = text("detail");
  document.querySelector("#plan .tactic").click();
  result.line = text("detail");
  [...document.querySelectorAll("#zoom button")].pop().click();
  result.zoomed = document.querySelector("#timeline svg:last-child").getBoundingClientRect().width;
  result.overflow = document.documentElement.scrollWidth - innerWidth;
} catch (error) { result.error = String(error.stack || error); }
document.getElementById("result").textContent = JSON.stringify(result);
</script></body>"""


def browser():
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if shutil.which(name):
            return shutil.which(name)
    raise Skip("no browser is installed; `apt-get install chromium` for this test")


def dom(path, width=1400):
    """(the document after its scripts ran, what was written to the console)"""
    done = subprocess.run([browser(), "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--hide-scrollbars",
                           f"--user-data-dir={suite.path('browser')}", f"--window-size={width},1000", "--virtual-time-budget=2000",
                           "--dump-dom", "file://" + path],
                          capture_output=True, text=True, errors="replace", timeout=120)
    return done.stdout, [line for line in done.stderr.split("\n") if ":CONSOLE" in line]


def page(plan, mesh, *more):
    path = suite.path(f"{plan}.html")
    done = suite.cleave("explain", GPT, "--plan", plan, "--mesh", mesh, *more, "--html", path)
    expect(done.stdout == "", f"the page is in place of text; found {done.stdout}")
    with open(path, encoding="utf-8") as file:
        return path, file.read()


@suite.test("the page has all it needs in one file")
def _():
    _, text = page("two_d", "dp=2,tp=2", *SMALL)
    outside = re.findall(r"""(?:src|href)\s*=\s*["'][^"']*|@import|url\((?!#)[^)]*|\bfetch\(|XMLHttpRequest""", text)
    expect(not [found for found in outside if "url(#" not in found and "url(${" not in found], f"nothing is loaded; found {outside}")
    expect(text.count("</script>") == 2 and "@DATA@" not in text, "facts are within their element")
    done = suite.cleave("explain", GPT, "--plan", "two_d", "--mesh", "dp=2,tp=2", *SMALL, "--html", "/nowhere/page.html", status=3)
    expect("error[E745]: a page must be written, found that '/nowhere/page.html' cannot be" in done.stderr, f"found {done.stderr}")


@suite.test("the page works in a browser")
def _():
    path, text = page("two_d", "dp=2,tp=2", *SMALL)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace("</body>", ACTIONS))
    document, console = dom(path)
    expect(not console, f"nothing is wrong in the console; found {console}")
    expect('data-ready="yes"' in document, f"the scripts ran; found {document[-500:]}")
    found = json.loads(html.unescape(re.search(r'<pre id="result">(.*?)</pre>', document, re.S).group(1)))
    facts = explain(GPT, "two_d", "dp=2,tp=2")
    expect("error" not in found, f"what a person does works; found {found.get('error')}")
    expect(found["title"] == "Plan plans.two_d", f"found {found['title']}")
    expect(found["items"] == sum(a["kind"] in ("compute", "collective") for a in facts["step"]) > 50, f"every action is drawn; found {found['items']}")
    expect(found["unnamed"] == 0, f"every item has a name for those who do not see it; found {found['unnamed']} without")
    expect({"params", "optimizer", "gradients", "activations"} <= set(found["layers"]) and found["peak"].startswith("peak "), f"memory; found {found}")
    expect(found["repeats"] >= 2, f"repeats stand once, with their count; found {found['repeats']}")
    expect(found["rows"] == len(facts["collectives"]), f"a row for each collective; found {found['rows']}")
    scatters = sum("reduce_scatter" in json.dumps([c["op"], c["because"]]) for c in facts["collectives"])
    expect(found["filtered"] == scatters > 0, f"the filter shows {scatters}; found {found['filtered']}")
    expect("because" in found["detail"] and "model" in found["detail"] and found["marked"] > 0, f"a click tells why; found {found}")
    expect(found["tensors"] == 1 and "gpt.blocks[*].up.w" in found["tensor"] and found["blocks"] >= 4, f"a tensor is drawn; found {found}")
    expect("rank 3" in found["rank"], f"the blocks of rank 3; found {found['rank']}")
    expect("causes" in found["line"], f"a line of the plan tells what it causes; found {found['line']}")
    expect(found["zoomed"] > 4000 and found["overflow"] <= 0, f"the timeline scrolls, the page does not; found {found}")


def facts_of(text):
    """(what stands before the facts of a page, the facts, what stands behind)"""
    before, rest = text.split('id="facts">', 1)
    data, behind = rest.split("</script>", 1)
    return before + 'id="facts">', json.loads(data), "</script>" + behind


@suite.test("what is begun early is drawn beside what computes, and a program without a plan has a page too")
def _():
    path, text = page("data", "dp=2", *SMALL)
    before, facts, behind = facts_of(text)
    step = facts["step"]
    begun = next(i for i, a in enumerate(step) if a["kind"] == "collective" and a["phase"] == "backward")
    step[begun].update({"async": True, "seconds": 0.5, "id": 77})
    behind_it = next(i for i in range(begun + 1, len(step)) if step[i]["kind"] == "compute")
    step.insert(behind_it + 1, {**step[behind_it], "kind": "wait", "id": 77, "seconds": 0})
    script = f"""<script>document.body.dataset.overlap = JSON.stringify([plot.items.find((i) => i.id === 77 && i.async), plot.items.find((i) => i.time === {step[behind_it]["time"]}),
        plot.items.find((i) => i.x0 >= 0.5)]);</script></body>"""
    with open(path, "w", encoding="utf-8") as file:
        file.write(before + json.dumps(facts) + behind.replace("</body>", script))
    document, console = dom(path)
    sent, computed, later = json.loads(html.unescape(re.search(r'data-overlap="(.*?)"', document).group(1)))
    expect(not console and sent["x0"] <= computed["x0"] < sent["x1"], f"it runs beside what computes; found {console} {sent} {computed}")
    expect(later["x0"] >= sent["x1"], f"what waits for it comes behind; found {later} and {sent}")
    suite.cleave("explain", GPT, *SMALL, "--html", path)
    document, console = dom(path)
    expect(not console and 'data-ready="yes"' in document and "This plan sends nothing" in document, f"one rank; found {console}")


@suite.test("the page of a model of 126 layers on 16,384 ranks is as small")
def _():
    large = [word for name, size in {"Layers": 126, "Embed": 16384, "Heads": 128, "Seq": 8192, "Vocab": 131072, "Batch": 4096}.items()
             for word in ("--set", f"{name}={size}")]
    path, text = page("two_d", "dp=2048,tp=8", *large)
    expect(len(text) < 2 << 20, f"a page has less than 2 MiB; found {len(text)}")
    for width in (1400, 420):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace("</body>", ACTIONS))
        document, console = dom(path, width)
        found = json.loads(html.unescape(re.search(r'<pre id="result">(.*?)</pre>', document, re.S).group(1)))
        expect(not console and "error" not in found, f"it works; found {console} {found}")
        expect(found["overflow"] <= 0, f"the page is no wider than its window of {width}; found {found['overflow']} more")


# --- plan diff ----------------------------------------------------------------------------------------

def diff(*arguments, status=0):
    return suite.cleave("plan", "diff", GPT, *arguments, *SMALL, status=status)


@suite.test("plans are compared: layouts, collectives, bytes and memory")
def _():
    found = json.loads(diff("data@dp=2", "fsdp@dp=2", "--json").stdout)
    before, after = explain(GPT, "data", "dp=2"), explain(GPT, "fsdp", "dp=2")
    sent = [sum(c["count"] * c["bytes_per_rank"] for c in facts["collectives"]) for facts in (before, after)]
    expect(found["bytes_per_rank"] == {"before": sent[0], "after": sent[1]}, f"bytes are those of explain; found {found['bytes_per_rank']}")
    expect(found["memory"]["peak_bytes"]["after"] == after["memory"][0]["peak_bytes"], f"so is memory; found {found['memory']}")
    layouts = {layout["name"]: layout for layout in found["layouts"]}
    weight = layouts["gpt.blocks[*].up.w"]
    expect(weight["before"] == "f32[Layers, Embed, Hidden]" and "/dp" in weight["after"] and weight["bytes_after"] * 2 == weight["bytes_before"],
           f"a parameter is kept in parts; found {weight}")
    expect("tokens" not in layouts, "what does not change is not shown")
    gathers = [c for c in found["collectives"] if c["op"] == "all_gather"]
    expect(gathers and all(c["count_before"] == 0 < c["count_after"] for c in gathers), f"gathers are new; found {gathers}")
    text = diff("data@dp=2", "fsdp@dp=2").stdout
    for words in ("from plans.data (", "to   plans.fsdp (", "- f32[Layers, Embed, Hidden], ", "  +  all_gather over dp", "peak memory"):
        expect(words in text, f"'{words}' is said; found {text}")


@suite.test("a comparison ends with status 0; with --exit-code 1 where anything differs")
def _():
    text = diff("data@dp=2", "data@dp=2", "--exit-code").stdout
    expect("nothing changes" in text, f"the same plan; found {text}")
    diff("data@dp=2", "zero1@dp=2")
    diff("data@dp=2", "zero1@dp=2", "--exit-code", status=1)
    done = diff("data@dp=2", "zero9", status=1)
    expect("error[E901]" in done.stderr and "zero9" in done.stderr, f"a plan that is not there; found {done.stderr}")
    other = suite.path("other.dsl")
    with open(GPT, encoding="utf-8") as file, open(other, "w", encoding="utf-8") as copy:
        copy.write(file.read().replace("position: f32[Seq, Embed]", "position: f32[Seq, Embed]"))
    expect("nothing changes" in diff("halves", "halves", "--other", other).stdout, "a plan of another program")


suite.main()
