"""Hold the linter against the judge on one module."""

from __future__ import annotations

from dataclasses import dataclass

from flake8_asyncwait.check import check
from flake8_asyncwait.options import FAMILY_CODES, Options
from flake8_asyncwait.replay.executions.follow import following
from flake8_asyncwait.replay.executions.lift import lift
from flake8_asyncwait.verdict.finding import Finding, Step

from .judge import EXECUTIONS_AT_MOST, TOO_MANY, Ruling, find_family, find_sites, judge, replay

# What these say is that no execution ends the task: some of them do not show that. Nor do some of
# them show that no execution waits for it, without which a creation is not judged.
OF_NO_EXECUTION = ("AWT304", "AWT331")
OF_NO_WAIT = ("AWT301", "AWT302", "AWT303")
# An execution that shows one of these is all that it takes, whatever others show of those after it.
SAYING_MORE = (
    ("AWT101", "AWT103", "AWT102"),
    ("AWT301", "AWT302", "AWT303"),
    ("AWT321", "AWT322"),
)
EXECUTIONS_OF_A_SITE = 400  # most have fewer than 100; few have more than this, and take most time
EXECUTIONS_OF_A_WITNESS = 10_000  # most need fewer than 100; one in 10,000 programs needs 3,000


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One site where the two differ; a code is "" where one of them is silent.

    Where both have the same code, or the linter a higher one, no execution follows the finding's
    witness.
    """

    text: str
    line: int
    column: int
    linter: str
    message: str
    ruling: Ruling
    witness: tuple[Step, ...] = ()

    @property
    def kind(self) -> str:
        """What differs, as a word."""
        if self.linter == self.ruling.code:
            return f"witness_{self.linter}"
        return f"judge_{self.ruling.code or 'silent'}_linter_{self.linter or 'silent'}"

    def __str__(self) -> str:
        numbered = "\n".join(
            f"{number:3} {line}" for number, line in enumerate(self.text.splitlines(), 1)
        )
        parts = [
            numbered,
            f"site  : line {self.line}, column {self.column}",
            f"linter: {self.linter or 'silent'} {self.message}",
            f"judge : {self.ruling.code or 'silent'} after {self.ruling.executions} executions",
        ]
        if self.ruling.leak is not None:
            parts.append(f"        {self.ruling.leak.label} leaks")
            points = replay(self.text, self.ruling.choices, (self.line, self.column)).points
            parts += [f"        {point}" for point in points]
        parts += [f"        {step.line}: {step.what} [{step.choice}]" for step in self.witness]
        return "\n".join(parts)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the comparison of a module showed.

    `sites` is how many sites were compared, `open` on how many of them one of the two hit a bound,
    `higher` how many have a higher code than the judge has found without a witness.
    """

    sites: int
    open: int
    higher: int
    disagreements: tuple[Disagreement, ...]


def compare(text: str, options: Options = Options()) -> Comparison:
    """Compare the linter's findings with the judge's rulings on every site of a module.

    The sites are waits, or those of the family where one of its codes is selected. Of a site with
    too many executions, some are run: they may show a leak of which the linter says nothing, and
    the witness of a finding is run in any case.
    """
    checked = check(text, options)
    findings = {(finding.line, finding.column): finding for finding in checked.findings}
    sites = find_sites(text) if options.codes.isdisjoint(FAMILY_CODES) else find_family(text)
    undetermined = {each.place for each in checked.undetermined}
    of_all = (*OF_NO_EXECUTION, *(OF_NO_WAIT if find_sites(text) else ()))
    unsettled = higher = 0
    found = []
    for site in sites:
        finding = findings.get(site)
        ruling = judge(text, site, limit=EXECUTIONS_OF_A_SITE)
        if ruling.given_up and finding is None and ruling.code in of_all:
            ruling = judge(text, site)
        if site in undetermined or ruling.given_up not in ("", TOO_MANY):
            unsettled += 1
            continue
        unsettled += bool(ruling.given_up)
        if finding is None:
            if ruling.code and not (ruling.given_up and ruling.code in of_all):
                found.append(Disagreement(text, *site, "", "", ruling))
            continue
        if _differs(finding.code, ruling) or not replays(text, finding, EXECUTIONS_OF_A_WITNESS):
            found.append(
                Disagreement(text, *site, finding.code, finding.message, ruling, finding.witness)
            )
        else:
            higher += not ruling.given_up and finding.code != ruling.code
    return Comparison(len(sites), unsettled, higher, tuple(found))


def _differs(code: str, ruling: Ruling) -> bool:
    """Say whether a finding's code contradicts a ruling. A higher one does not, if its witness
    replays: the judge tries fewer tasks where there is no witness."""
    if ruling.given_up or code == ruling.code:
        return False
    order = next((codes for codes in SAYING_MORE if code in codes), ())
    return ruling.code not in order[order.index(code) :] if order else True


def replays(text: str, finding: Finding, limit: int = EXECUTIONS_AT_MOST) -> bool:
    """Say whether running a finding's witness shows the leak."""
    steps = [(step.line, step.choice) for step in finding.witness]
    lifted = lift(text, (finding.line, finding.column))
    found = following(lifted, finding.code, steps, limit)
    return next(found, None) is not None
