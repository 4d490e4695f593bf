"""A sweep as one self-contained HTML page."""

from collections.abc import Sequence

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, Template

from tessella.sweep import charts, table
from tessella.sweep.best import train_command
from tessella.sweep.ranking import Place, best_place, still_to_begin
from tessella.sweep.settings import Settings


def render(places: Sequence[Place], settings: Settings, *, title: str) -> str:
    """The page as HTML: no scripts, nothing loaded from elsewhere, drawings inside.

    Args:
        places: every combination that was begun, the best first.
        settings: of the sweep.
        title: usually the name of its folder.
    """
    best = best_place(places)
    tried = sorted((one for p in places for one in p.trials), key=lambda one: one.trial.number)
    states = [one.trial.state for one in tried]
    counts = {state: states.count(state) for state in ("done", "pruned", "failed", "in work")}
    counts["to come"] = len(still_to_begin(tried, settings))
    rows = table.rows(places, settings)
    key_charts = [charts.key_chart(places, settings, d) for d in settings.space.dimensions]
    return _template().render(
        title=title,
        settings=settings,
        best=best,
        best_score=table.score_text(best) if best else "n/a",
        best_values=table.values_words(best.values) if best else "",
        counts={state: count for state, count in counts.items() if count},
        num_trials=sum(counts.values()),
        head=table.head(settings),
        rows=rows,
        numbers=table.number_columns(rows),
        states=[place.state for place in places],
        failed=[one.trial for one in tried if one.trial.state == "failed"],
        curves=charts.curves_chart(places, settings),
        key_charts=[chart for chart in key_charts if chart],
        dimensions=[dimension.text() for dimension in settings.space.dimensions],
        command=train_command(best, settings) if best else "",
        recipe_text=settings.recipe.to_yaml(),
    )


def _template() -> Template:
    environment = Environment(
        loader=ChoiceLoader(
            [PackageLoader("tessella.sweep", ""), PackageLoader("tessella.report", "")]
        ),
        autoescape=True,  # values and reasons are other people's text
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("sweep.html.j2")
