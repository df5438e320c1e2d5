"""SuperTux: the clips to record, and their tickets' texts."""

from __future__ import annotations

from collections.abc import Mapping

from tools.record.cases import Case
from tools.record.clips import ClipSet

DEMO = (
    Case("nofloor", "antarctica", (
        ("Tux drops through the snow right at the start",
         "Started the first level, took two steps and the penguin was gone below the lower edge. "
         "Enemies drop as well."),
        ("Level 1 cannot be finished: the ice does not hold anything",
         "Happens in build 1184 every time. One life lost per try, with or without jumping."),
        ("Instant death after spawning in Antarctica",
         "I land, sink into the blue blocks and die. My guess: solid flag of the tiles."),
    )),
    Case("nofloor", "forest", (
        ("Forest soil lets the hero pass",
         "He slips into the brown earth as if it were painted on, and one life is gone."),
        ("welcome_forest.stl: lost all lives in ten seconds",
         "Nothing to stand on in this stage, grass and dirt are only decoration now."),
    )),
    Case("blocks", "antarctica", (
        ("Question mark boxes are pink and black",
         "The boxes with the coins in them look like a chessboard. Hitting them still works."),
        ("bonus_block graphics not found",
         "Since the atlas was repacked there are magenta squares in the row next to the bricks."),
        ("Ugly purple cubes hang over the first billboard",
         "No idea what they are supposed to be, a coin came out when I bumped one from below."),
    )),
    Case("stack", "antarctica", (
        ("Nine snowballs where there should be one",
         "They start on one tile, push each other away and run off in both directions."),
        ("Duplicate badguys share one position",
         "Level editor shows a lone enemy here; in the game a whole pack of them arrives at once, "
         "and some get squeezed into the ground."),
        ("Unfair pile of enemies in the opening level",
         "Feedback from a play test with children: too many of the round white ones on one tile."),
    )),
    Case("unseen", "gate", (
        ("Player sprite missing",
         "I can hear him jump but I see nobody. The purple evening level before the cave."),
        ("Where is Tux?",
         "The hero is invisible from the first second on. The view moves with him, so he must be somewhere."),
    )),
    Case("camera", "gate", (
        ("View stays behind when I run to the right",
         "Tux leaves the picture after two seconds and the scenery does not scroll."),
        ("Scrolling is dead at the cave's entrance",
         "Have to play the rest blind; the screen keeps showing the spot where the level began."),
    )),
    Case("", "antarctica", (
        ("Jump sound is cut off",
         "Only with the new audio back end. The video is of the first level and looks right."),
        ("Gamepad: dead zone too small",
         "Tux creeps on his own with my worn-out stick. Recorded on keyboard to compare."),
    )),
    Case("", "forest", (
        ("Translation: name of this stage is not in the Dutch list",
         "Text issue only. I walked about a bit so you know which stage I mean."),
    )),
    Case("", "gate", (
        ("Statistics do not count the time of this stage",
         "World map still says 0:00 for it. Nothing wrong on screen."),
    )),
)  # fmt: skip

DEVELOPMENT = (
    Case("nofloor", "fields", (
        ("Penguin vanishes downwards in the second world map node",
         "Frosted Fields is unplayable, he goes down like a stone."),
        ("Could not stay on the hill",
         "The white slope has no body. Same for the flat part in front of it."),
        ("Fields: player and snowmen leave the level through its bottom",
         "Nobody stops at the surface. Regression since Tuesday."),
    )),
    Case("nofloor", "roots", (
        ("Roots level: no footing",
         "One slips through the earth into the caves below. Wood is passable, too."),
        ("Cannot stand on logs",
         "They are in the picture but not in the physics."),
    )),
    Case("blocks", "fields", (
        ("Placeholder art in the air",
         "Six of these gaudy boxes over the plain, should be the icy ones with a symbol."),
        ("Boxes have a test pattern",
         "Bright magenta, four by four fields. Content is right."),
    )),
    Case("stack", "fields", (
        ("Crowd of snowballs",
         "All of them start in the same pixel and then stay together."),
        ("Enemy multiplied when the level loads",
         "Counted nine. Each one can be squashed on its own."),
    )),
    Case("unseen", "night", (
        ("Hero not rendered at night",
         "The stage with the dark sky: nothing there but enemies."),
        ("I steer an empty space",
         "Tux is neither on the ground nor in the air, yet the view follows something."),
    )),
    Case("camera", "night", (
        ("Picture frozen in place while he walks off",
         "Can only see the first screen of this night level."),
        ("No horizontal scroll",
         "One walks out at the right border and comes back by holding left."),
    )),
    Case("", "fields", (
        ("Volume slider has no effect on ambience", "Wind is as loud as before. Clip for the place."),
        ("Crash report dialog is in English", "It came after closing the game, so it is not in the clip."),
    )),
    Case("", "night", (
        ("Save slot 3 shows the wrong date", "Seen in the menu later; here is what I played before."),
    )),
    Case("", "roots", (
        ("Loading takes half a minute on my netbook", "I cut the wait, this is what comes after it."),
    )),
)  # fmt: skip

CASES: Mapping[ClipSet, tuple[Case, ...]] = {"demo": DEMO, "development": DEVELOPMENT}

# The pause menu covers a part of these.
LATER: Mapping[ClipSet, tuple[Case, ...]] = {
    "demo": (
        Case("blocks", "antarctica", (
            ("Coins come out of violet squares",
             "I paused for a moment so that one can look at them in peace."),
        ), first_run=3, dialog="pause"),
        Case("", "forest", (
            ("Pause menu is not in Dutch",
             "Opened it twice to be sure. What lies behind it is in order."),
        ), first_run=1, dialog="pause"),
    ),
    "development": (
        Case("nofloor", "fields", (
            ("Pausing shows him half in the hill",
             "Sinks further when I go on. Menu itself is right."),
        ), first_run=3, dialog="pause"),
        Case("", "night", (
            ("Menu font is too small for a handheld", "The one with continue, restart and options."),
        ), first_run=1, dialog="pause"),
    ),
}  # fmt: skip
