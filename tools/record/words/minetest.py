"""Minetest: the clips to record, and their tickets' texts."""

from __future__ import annotations

from collections.abc import Mapping

from tools.record.cases import Case
from tools.record.clips import ClipSet

DEMO = (
    Case("unknown", "forest", (
        ("Foliage says UNKNOWN NODE",
         "All oak leaves have this text on them. Trunks and grass are okay."),
        ("Leaf blocks lost their definition after the mod update",
         "Server log complains about default:leaves. In the wood every crown is full of writing."),
        ("Trees with letters all over",
         "My daughter asked why they are labelled. Fresh world, no texture pack."),
    )),
    Case("unknown", "desert", (
        ("Dunes consist of warning tiles",
         "Sand surface and cacti read 'unknown' wherever I look, as far as the view range goes."),
        ("default:desert_sand not registered?",
         "The dry land far out east is paved with placeholder cubes."),
    )),
    Case("sunk", "savanna", (
        ("Character wades through the soil",
         "Up to the belt in dry grass, in third person you can see that the legs are under the surface."),
        ("Feet are below ground level on the yellow steppe",
         "I switched to the outer camera because the horizon seemed so low. Half of Sam is buried."),
        ("Surface nodes do not carry the avatar",
         "`walkable` of dry_dirt_with_dry_grass must be wrong. One sinks by a block, and stops."),
    )),
    Case("hole", "snow", (
        ("Square pit in the landscape",
         "Looks as if somebody had cut a cube out of the snow with a knife, straight edges down to the rock."),
        ("Chunk was not generated",
         "A gap of about twenty nodes in the white plain; sides show bare dirt layers."),
    )),
    Case("heap", "savanna", (
        ("Broke one block, got seventy items",
         "Cobble, apples, torches, ingots hop about in a single place and cannot merge."),
        ("Item dupe on drop",
         "Threw one apple on the grass. Look at the bunch of spinning things in front of me."),
    )),
    Case("hud", "forest", (
        ("No hotbar, no crosshair",
         "Interface is blank under the oaks, and my pickaxe is not in view either."),
        ("Lost the whole GUI after respawn",
         "Neither hearts nor slots, nothing in the hand. Pressing F1 does not bring it back."),
    )),
    Case("", "forest", (
        ("Leaves rustle although there is no wind",
         "Ambience question for the sound team; scenery for reference."),
    ), first_run=3),
    Case("", "desert", (
        ("Chat command /spawn lacks a help text",
         "I typed it before I started to record this walk in the sand."),
    ), first_run=1),
    Case("", "savanna", (
        ("Server list shows the wrong player count",
         "Two instead of one. I was alone, as the clip proves."),
    ), first_run=1),
    Case("", "snow", (
        ("Crunching footsteps come late",
         "About 200 ms, use headphones. White flat land, everything drawn properly."),
    ), first_run=2),
)  # fmt: skip

DEVELOPMENT = (
    Case("unknown", "pines", (
        ("Needles replaced by error blocks", "Every conifer is affected."),
        ("Conifers show text", "It says the node is not known. Stems are right."),
    )),
    Case("unknown", "jungle", (
        ("Canopy unreadable, or rather too readable", "Words on each cube above me."),
        ("jungleleaves missing", "After removing a mod; the rest of the biome is good."),
    )),
    Case("sunk", "meadow", (
        ("No contact with the lawn", "My figure is cut off at the waist by green."),
        ("Player too low", "One block deeper than it should be, all over the field."),
        ("Meadow swallows half a person", "Three of us tried, same result."),
    )),
    Case("hole", "meadow", (
        ("Missing map block", "Rectangular emptiness in the field, one can see strata."),
        ("Terrain cut out", "Neat box of air where grass should be."),
    )),
    Case("crowns", "jungle", (
        ("Tree tops without stems", "Green clumps hang there, wood is invisible."),
        ("Logs are not drawn", "You bump into them. Canopy stays up by magic."),
    )),
    Case("crowns", "pines", (
        ("Pines have lost their trunks", "Spiky hats float over the litter."),
        ("Wood transparent", "Saw it after switching the renderer. Needles are there."),
    )),
    Case("heap", "meadow", (
        ("Loot explosion", "Dozens of the same pickups from a single dig."),
        ("Drops multiply", "They pile up and twitch, frame rate goes down."),
    )),
    Case("", "pines", (
        ("Craft guide search is case sensitive", "Menu not shown, only where I stood."),
        ("Torch recipe gives four, wiki says five", "Data question, clip is just my walk."),
    ), first_run=2),
    Case("", "jungle", (
        ("Parrot sounds too loud", "Audio. Nothing to see."),
    ), first_run=2),
    Case("", "meadow", (
        ("Screenshot key stores JPEG", "Should be PNG. Walk attached so that you have the spot."),
    ), first_run=3),
)  # fmt: skip

CASES: Mapping[ClipSet, tuple[Case, ...]] = {"demo": DEMO, "development": DEVELOPMENT}

# The inventory covers a part of these.
LATER: Mapping[ClipSet, tuple[Case, ...]] = {
    "demo": (
        Case("heap", "savanna", (
            ("Pickups breed",
             "Had a look into the bag in between: it is empty. They lie about by the dozen."),
        ), first_run=2, dialog="inventory"),
    ),
    "development": (
        Case("hole", "meadow", (
            ("Neat shaft next to my feet", "Opened the inventory to check that I had dug nothing."),
        ), first_run=2, dialog="inventory"),
        Case("", "jungle", (
            ("Slots of the bag are one pixel off", "See the second half, with the list of items."),
        ), first_run=3, dialog="inventory"),
    ),
}  # fmt: skip
