"""TORCS: the clips to record, and their tickets' texts."""

from __future__ import annotations

from collections.abc import Mapping

from tools.record.cases import Case
from tools.record.clips import ClipSet

DEMO = (
    Case("road", "street", (
        ("Asphalt in the city has turned blue and white",
         "Street 1, full length of the lap. Houses and kerbs are as they should be."),
        ("Driving on a chessboard",
         "The surface under the cars is a test pattern. Started with yesterday's asset import."),
        ("tr-road1 does not load in Street 1",
         "Console has two warnings about an unreadable image, and the lane is squares all over."),
    )),
    Case("road", "alpine", (
        ("Mountain pass: tarmac is checkered",
         "White squares and blue squares instead of grey, from the grid on through the first bends."),
        ("Alpine 1 lost its road material",
         "Handling is unchanged, only the look. Rock and grass beside it are fine."),
    )),
    Case("trees", "dirt", (
        ("Black slabs where trees used to be",
         "Each plant along the rally course stands in a dark rectangle."),
        ("Vegetation has no alpha any more",
         "Leaves are cut out of nothing: one sees the whole card they are painted on."),
    ), first_run=1),
    Case("body", "alpine", (
        ("Chassis hovers, wheels stay on the ground",
         "All makes of car have it. You can look through between tyres and doors."),
        ("Cars look like they are lifted by a jack",
         "Nearly a metre of air under the coachwork while racing past the pits."),
    )),
    Case("drop", "street", (
        ("Whole field falls out of the sky at the start",
         "Vehicles appear way over the grid and slam down, some are damaged before the lights."),
        ("Start height wrong: hard landing",
         "Quick race in town. Everyone gets dropped from the third floor, more or less."),
    )),
    Case("paint", "dirt", (
        ("Liveries are gone",
         "Every racer wears the same white and blue grid. Numbers and sponsors are not there."),
        ("Car skins fail to load in the rally",
         "They come out as graph paper; mud, fences and plants are drawn well."),
    )),
    Case("", "street", (
        ("Engine note of the rear car is mono",
         "Listen with headphones. I drove nothing here, just watched the robots in town."),
    )),
    Case("", "alpine", (
        ("Rumble too weak on the new pads",
         "You will not see it, one has to hold it. The clip is for the corner's name."),
    )),
    Case("", "dirt", (
        ("Result screen sorts names by first letter only",
         "Comes after the race. Attached is the race itself."),
        ("Frame limiter ignores 144 Hz",
         "Measured with a tool; course with mud and trees, nothing unusual in view."),
    ), first_run=2),
)  # fmt: skip

DEVELOPMENT = (
    Case("road", "wheel", (
        ("No tarmac graphics on Wheel 1", "Looks like graph paper from bumper view."),
        ("Ground under the race is a raster", "Blue fields, white fields, as if nobody had painted it."),
    )),
    Case("road", "aalborg", (
        ("Aalborg: missing file for the driving surface", "A pattern is shown in its place."),
        ("Coastal town has tiles for a street", "Not the good kind of tiles."),
    )),
    Case("trees", "aalborg", (
        ("Bushes are boxes", "Transparency of the green things is off."),
        ("Foliage with frames around it", "Every second object by the track is concerned."),
    )),
    Case("body", "aalborg", (
        ("Shell of the car too high", "Wheels run below it without touching."),
        ("Model offset in all vehicles", "Gap as large as a suitcase above the axles."),
        ("Hovering coupés", "They drive, but only the tyres are down there."),
    )),
    Case("drop", "wheel", (
        ("Robots begin the race in mid-air", "Then comes gravity. Two have broken suspensions."),
        ("Cars thud onto the line", "Spawned far too high, lasts a second."),
    )),
    Case("paint", "aalborg", (
        ("Default material on all vehicles", "No colours by which to tell the drivers apart."),
        ("Paint job replaced by little squares", "Bonnet, doors, roof, all of it."),
    )),
    Case("", "wheel", (
        ("Menu music goes on in the race", "Hear it best at low speed."),
        ("Lap record file is written twice", "Disk only. Recorded the race for the time stamp."),
    )),
    Case("", "aalborg", (
        ("Spelling of the town in the track list", "Here is the town."),
    ), first_run=5),
)  # fmt: skip

CASES: Mapping[ClipSet, tuple[Case, ...]] = {"demo": DEMO, "development": DEVELOPMENT}

# A system window covers a part of these.
LATER: Mapping[ClipSet, tuple[Case, ...]] = {
    "demo": (
        Case("road", "alpine", (
            ("Blueprint in place of a mountain road",
             "Some window popped up over it, ignore that. Squares begin right below the bonnet."),
        ), first_run=2, dialog="message"),
        Case("", "dirt", (
            ("Joystick driver complains during the rally",
             "Its message hides the middle of the view for two seconds, the event goes on below."),
        ), first_run=4, dialog="message"),
    ),
    "development": (
        Case("paint", "aalborg", (
            ("Sponsors have vanished from the coachwork", "The dialog in front is not ours."),
        ), first_run=2, dialog="message"),
        Case("", "wheel", (
            ("Battery warning steals no focus, good", "Just a note from the compatibility test."),
        ), first_run=2, dialog="message"),
    ),
}  # fmt: skip
