# Workers of a search: each is one job that evaluates candidates until the budget is spent; they meet in the storage.
# It is run in the folder of a search, build/<model>/explore_<target>, whose explore.json `bitwright explore` has written.
import sys

WORKERS = [str(k) for k in range(1, int(config["workers"]) + 1)]


localrules:
    all,


rule all:
    input:
        [f"workers/{k}.json" for k in WORKERS],


rule worker:
    output:
        "workers/{k}.json",
    params:
        python=sys.executable,
    shell:
        "{params.python:q} -m bitwright explore-worker . {wildcards.k} > {output:q}"
