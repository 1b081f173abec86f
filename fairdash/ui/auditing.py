"""The audit of the lists in view: started when it is looked at, read from the workspace when it is there."""

from __future__ import annotations

from typing import Any

import streamlit as st

from fairdash import charts, words
from fairdash.run import Run
from fairdash.schema import GroupSpec, Lists
from fairdash.ui import findings, forms, load, model_side, parts, pictures, state

PICTURES = {
    "cumulative": words.later("cumulative"),
    "shares": words.later("shares"),
    "violin": words.later("violin"),
}
_BADGES = {
    "found": (":material/report:", "orange"),
    "alone": (":material/help:", "gray"),
    "none": (":material/remove:", "gray"),
    "untested": (":material/question_mark:", "gray"),
    "undefined": (":material/block:", "gray"),
}


def params(lists: str, group: GroupSpec | None, items: GroupSpec | str | None, k: int, model: bool) -> dict[str, Any]:
    """The audit job of this view."""
    return {"lists": lists, **forms.view(group, items, k), "model": model}


def run(lists: str, group: GroupSpec | None, items: GroupSpec | str | None, k: int) -> dict[str, Any] | None:
    """The audit of this view, or None while it is being made (its job is shown then)."""
    wanted = params(lists, group, items, k, state.get("model") == "True")
    made = parts.made("audit", wanted, words.say("Audit {title}", title=state.workspace().get("lists", lists).title))
    return None if made is None else load.audit(made)


def headline(audit: dict[str, Any], attribute: str, metric: str) -> None:
    """The finding, before any picture."""
    verdict = charts.verdict(audit["gaps"][attribute].get(metric))
    icon, color = _BADGES[verdict]
    with st.container(key=f"finding-{verdict}"):
        st.markdown(f"## {words.plain(findings.sentence(audit, attribute, metric), 900)}")
        with st.container(horizontal=True, vertical_alignment="center"):
            st.badge(words.say(charts.VERDICTS[verdict][0]), icon=icon, color=color)  # type: ignore[arg-type]  # the table's words are badge colours
            read = [finding["message"] for finding in audit.get("findings", ()) if finding["severity"] != "info"]
            for warning in (*read, *audit["warnings"]):
                st.caption(words.plain(words.again(warning, audit.get("said")), 300), width="content")


def more(part: str, audit: dict[str, Any], group: GroupSpec, metric: str, made: Run, lists: Lists) -> None:
    """The part of the audit that was asked for."""
    attribute = group.label
    if part == "gaps":
        table = findings.gap_table(audit, attribute)
        parts.table(table.drop(columns=findings.NOTE), "all-gaps", digits=4)
        for why, rows in table[table[findings.NOTE] != ""].groupby(findings.NOTE, sort=False):
            named = words.join(rows[findings.METRIC].tolist())
            st.caption(f"{words.plain(named, 300)}: {words.plain(why, 300)}.")
        st.caption(
            ". ".join(
                words.plain(words.again(audit["conventions"][key], audit.get("said")), 300)
                for key in ("test", "detectable")
            )
        )
    elif part == "spread":
        _spread(audit, attribute, metric)
    elif part == "categories":
        pictures.categories(audit, group, made, lists)
    elif part == "items":
        items_part(audit, made, lists)
    elif part == "model":
        model_side.section(audit, attribute, made)
    elif part == "numbers":
        parts.table(findings.value_table(audit, attribute), "all-numbers", digits=4)
    else:
        for name, told in audit["conventions"].items():
            what = words.say(words.option(name))
            st.markdown(
                words.say("**{what}**: {said}", what=what, said=words.plain(words.again(told, audit.get("said")), 600))
            )


def _spread(audit: dict[str, Any], attribute: str, metric: str) -> None:
    kind = st.segmented_control(
        words.say("Picture"),
        list(PICTURES),
        required=True,
        format_func=lambda key: words.say(PICTURES[key]),
        **state.pick("spread", PICTURES),
    )
    name = findings.title(metric, audit["k"])
    one, two = st.columns(2, gap="medium")
    with one:
        parts.draw(findings.distribution(audit, attribute, metric, kind), "spread-metric", name)
    with two:
        parts.draw(
            findings.distribution(audit, attribute, "first_hit", kind),
            "spread-rank",
            words.say("Rank of the first hit"),
            about=words.say(
                "Of all people with a liked held-out item. What is missing to 100 % has no hit in the list at all."
            ),
        )
    if attribute in audit.get("curves", {}):
        about = words.say("Smoothed over everybody whose value is known, with a 95 % band; no bins.")
        parts.draw(
            findings.curve(audit, attribute, metric),
            "curve",
            words.say("{name} over {attribute}", name=name, attribute=words.plain(attribute)),
            about=about,
        )


def items_part(audit: dict[str, Any], made: Run, lists: Lists) -> None:
    """Groups of items: exposure against a target, and all metrics of the item side."""
    pictures.exposure(audit, made, lists)
    parts.table(findings.item_table(audit), "item-metrics", digits=4)
