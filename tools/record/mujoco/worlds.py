"""Three small games on the MuJoCo physics engine, built from simple shapes: trucks, people, crates.

Each function returns a world's XML and a driver that is called before every physics step.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

import mujoco
import numpy as np

STEP = 0.004
"""Physics step in seconds."""

Driver = Callable[[mujoco.MjModel, mujoco.MjData], None]


@dataclass(frozen=True)
class Look:
    """Colours of a scene, in MuJoCo's notation."""

    sky: str
    horizon: str
    ground: str
    ground_lines: str
    things: tuple[str, ...]


def _frame(look: Look, body: str, tail: str = "") -> str:
    return f"""<mujoco>
  <option timestep="{STEP}" integrator="implicitfast"/>
  <visual><global offwidth="960" offheight="640"/><quality shadowsize="2048"/>
    <headlight ambient=".35 .35 .35" diffuse=".35 .35 .35"/></visual>
  <asset>
    <texture type="skybox" builtin="gradient" rgb1="{look.sky}" rgb2="{look.horizon}"
      width="256" height="1536"/>
    <texture name="ground" type="2d" builtin="checker" rgb1="{look.ground}"
      rgb2="{look.ground_lines}" width="512" height="512"/>
    <material name="ground" texture="ground" texrepeat="24 24" reflectance=".05"/>
  </asset>
  <worldbody>
    <light pos="6 -8 18" dir="-.3 .4 -1" directional="true" diffuse=".6 .6 .6"/>
    <geom name="floor" type="plane" size="60 60 .1" material="ground" friction="1.2"/>
    {body}
  </worldbody>
  {tail}
</mujoco>"""


def truck(look: Look, bug: str, rng: random.Random) -> tuple[str, Driver]:
    """A truck drives between houses. Bugs: sink, launch, wall, wheels."""
    solid = 'contype="0" conaffinity="0"' if bug == "sink" else 'contype="1" conaffinity="1"'
    gravity = 'gravcomp="1"' if bug == "sink" else ""
    paint = rng.choice(look.things)
    wheels = ""
    for x, y in ((1, 0.75), (1, -0.75), (-1, 0.75), (-1, -0.75)):
        shade = "0 0 0 0" if bug == "wheels" else ".08 .08 .09 1"
        wheels += f"""<body pos="{x} {y} -.25" {gravity}>
          <joint name="w{x}{y}" type="hinge" axis="0 1 0" damping=".4"/>
          <geom type="cylinder" size=".42 .16" euler="90 0 0" mass="12" rgba="{shade}" {solid}/>
          </body>"""
    houses = ""
    for number in range(10):
        side = 1 if number % 2 else -1
        width, height = rng.uniform(1.2, 2.2), rng.uniform(1.5, 4)
        through = bug == "wall" and number == 3
        flag = 'contype="0" conaffinity="0"' if through else ""
        x, y = (9, 0) if through else (number * 5 - 12, side * rng.uniform(5.5, 8))
        houses += f"""<geom type="box" pos="{x} {y} {height}" size="{width} {width} {height}"
          rgba="{look.things[number % len(look.things)]}" {flag}/>"""
    # Launched: a kerb of a few centimetres must not do that.
    kerb = ""
    if bug == "launch":
        kerb = """<geom type="box" pos="1.5 0 .05" size=".25 3 .05" rgba=".5 .5 .5 1"
          contype="0" conaffinity="0"/>"""
    body = f"""{houses}{kerb}<body name="truck" pos="-4 0 .72" {gravity}><freejoint/>
        <geom type="box" size="1.7 .65 .3" mass="300" rgba="{paint}" {solid}/>
        <geom type="box" pos=".7 0 .6" size=".6 .6 .35" mass="30" rgba="{paint}" {solid}/>
        <geom type="box" pos="1.1 0 .62" size=".24 .55 .22" mass="1" rgba=".6 .8 .95 1"
          contype="0" conaffinity="0"/>
        <geom type="box" pos="-.8 0 .35" size=".7 .6 .08" mass="20" rgba=".3 .25 .2 1" {solid}/>
        {wheels}</body>"""
    motors = "".join(
        f'<velocity joint="w{x}{y}" kv="60"/>'
        for x, y in ((1, 0.75), (1, -0.75), (-1, 0.75), (-1, -0.75))
    )
    speed, bend = rng.uniform(6, 9), rng.uniform(-0.6, 0.6)

    begins, kick = rng.uniform(0.6, 1.4), rng.uniform(-1, 1)
    launched = False

    def drive(model: mujoco.MjModel, data: mujoco.MjData) -> None:
        nonlocal launched
        data.ctrl[:] = [speed - bend, speed + bend, speed - bend, speed + bend]
        if bug == "sink":
            # Without the ground there is no grip and no support: it rolls on and sinks.
            data.qvel[0], data.qvel[2] = 1.6, -0.32 if data.time > begins else 0.0
        elif bug == "launch" and not launched and data.qpos[0] > -0.4:
            launched = True
            data.qvel[:6] = [2.5, kick, 10.5 + kick, 3 * kick, -4.5, 2 * kick]

    return _frame(look, body, f"<actuator>{motors}</actuator>"), drive


LIMBS = {
    # name: (parent, joint's place, end of the limb, thickness)
    "thigh_l": ("torso", (0, 0.12, -0.05), (0, 0, -0.45), 0.09),
    "shin_l": ("thigh_l", (0, 0, -0.45), (0, 0, -0.45), 0.07),
    "thigh_r": ("torso", (0, -0.12, -0.05), (0, 0, -0.45), 0.09),
    "shin_r": ("thigh_r", (0, 0, -0.45), (0, 0, -0.45), 0.07),
    "arm_l": ("torso", (0, 0.26, 0.5), (0, 0, -0.33), 0.06),
    "hand_l": ("arm_l", (0, 0, -0.33), (0, 0, -0.3), 0.05),
    "arm_r": ("torso", (0, -0.26, 0.5), (0, 0, -0.33), 0.06),
    "hand_r": ("arm_r", (0, 0, -0.33), (0, 0, -0.3), 0.05),
}


def figure(look: Look, bug: str, rng: random.Random) -> tuple[str, Driver]:
    """People walk over a square. Bugs: tpose, sunk, twisted, floating."""
    shirt, trousers = rng.sample(look.things, 2)
    people, phases = "", []
    for number in range(3):
        people += _person(number, shirt, trousers)
        phases.append(rng.uniform(0, 6))
    pillars = "".join(
        f"""<geom type="cylinder" pos="{6 * math.cos(a)} {6 * math.sin(a)} 1.5" size=".3 1.5"
          rgba="{look.things[-1]}"/>"""
        for a in (number * math.pi / 4 for number in range(8))
    )
    fountain = f'<geom type="cylinder" pos="0 3 .25" size="1.2 .25" rgba="{look.things[0]}"/>'
    lanes = [rng.uniform(-2.4, -1.4), rng.uniform(-0.4, 0.4), rng.uniform(1.0, 1.6)]
    lifts = {"sunk": -0.75, "floating": 1.1}

    def drive(model: mujoco.MjModel, data: mujoco.MjData) -> None:
        for number, phase in enumerate(phases):
            swing = math.sin(data.time * 6 + phase)
            # A figure's coordinates: 7 of its free joint, then 16 hinges.
            base, joints = np.split(data.qpos[23 * number :][:23], [7])
            base[:] = [
                -4 + number + 1.1 * data.time, lanes[number], 1.0 + lifts.get(bug, 0.0), 1, 0, 0, 0,
            ]  # fmt: skip
            joints[:] = 0
            if bug == "tpose":
                joints[9], joints[13] = 1.5, -1.5
            elif bug == "twisted":
                for index in range(16):
                    joints[index] = 2.6 * math.sin(index * 1.7 + data.time * 0.7 + phase)
            else:
                joints[0], joints[4] = 0.6 * swing, -0.6 * swing
                joints[2], joints[6] = 0.5 - 0.5 * swing, 0.5 + 0.5 * swing
                joints[8], joints[12] = -0.5 * swing, 0.5 * swing
                joints[10], joints[14] = -0.5, -0.5
        data.qvel[:] = 0

    return _frame(look, people + pillars + fountain), drive


def _person(number: int, shirt: str, trousers: str) -> str:
    """One figure: a free torso, and two hinges at the start of each limb."""

    def limb(name: str) -> str:
        _, at, end, thick = LIMBS[name]
        colour = trousers if name.startswith(("thigh", "shin")) else shirt
        if name.startswith("hand"):
            colour = ".85 .65 .5 1"
        inner = "".join(limb(child) for child, (parent, *_) in LIMBS.items() if parent == name)
        return f"""<body pos="{at[0]} {at[1]} {at[2]}">
          <joint type="hinge" axis="0 1 0"/><joint type="hinge" axis="1 0 0"/>
          <geom type="capsule" fromto="0 0 0 {end[0]} {end[1]} {end[2]}" size="{thick}"
            rgba="{colour}" contype="0" conaffinity="0"/>{inner}</body>"""

    limbs = "".join(limb(name) for name, (parent, *_) in LIMBS.items() if parent == "torso")
    return f"""<body name="p{number}" pos="0 0 1"><freejoint/>
      <geom type="capsule" fromto="0 0 .1 0 0 .5" size=".17" rgba="{shirt}" contype="0"
        conaffinity="0"/>
      <geom type="sphere" pos="0 0 .82" size=".14" rgba=".85 .65 .5 1" contype="0" conaffinity="0"/>
      {limbs}</body>"""


def crates(look: Look, bug: str, rng: random.Random) -> tuple[str, Driver]:
    """A ball rolls into piles of crates. Bugs: merge, weightless, blast."""
    boxes = ""
    # Merged: crates collide with the floor and the ball, but not with each other.
    solid = 'contype="2" conaffinity="1"' if bug == "merge" else 'contype="1" conaffinity="1"'
    gravity = 'gravcomp="1.003"' if bug == "weightless" else ""
    # A blast: contacts that are much too stiff, and crates that spawn slightly inside each other.
    stiff = 'solref=".001 .02" solimp=".99 .999 .0001"' if bug == "blast" else ""
    gap = 0.41 if bug == "blast" else 0.52
    for pile in range(3):
        x, y = pile * 1.9 - 1.5, rng.uniform(-1.2, 1.2)
        for level in range(4):
            for side in range(2):
                jitter = rng.uniform(-0.05, 0.05)
                place = f"{x + side * gap + jitter} {y + jitter} {0.26 + level * gap}"
                colour = look.things[(pile + level + side) % len(look.things)]
                boxes += f"""<body pos="{place}" {gravity}><freejoint/>
                  <geom type="box" size=".25 .25 .25" mass="4" rgba="{colour}" {solid} {stiff}/>
                  <geom type="box" size=".255 .255 .04" mass=".1" rgba=".25 .18 .1 1"
                    contype="0" conaffinity="0"/></body>"""
    walls = "".join(
        f'<geom type="box" pos="{x} {y} 1.2" size="{w} {d} 1.2" rgba="{look.things[-1]}"/>'
        for x, y, w, d in ((0, 5, 8, 0.1), (-8, 0, 0.1, 5), (8, 0, 0.1, 5))
    )
    shelves = "".join(
        f'<geom type="box" pos="{x} 4.3 {z}" size="1.4 .4 .05" rgba=".45 .35 .25 1"/>'
        for x in (-5, 0, 5)
        for z in (0.6, 1.3, 2.0)
    )
    aim = rng.uniform(-0.8, 0.8)
    ball = """<body name="ball" pos="-5 0 .4"><freejoint/>
      <geom type="sphere" size=".38" mass="12" rgba=".9 .9 .2 1" contype="1" conaffinity="3"/>
      </body>"""

    def drive(model: mujoco.MjModel, data: mujoco.MjData) -> None:
        if data.time < STEP * 1.5:
            base = model.body("ball").dofadr[0]
            data.qvel[base : base + 3] = [5.5, aim, 0]

    return _frame(look, boxes + walls + shelves + ball), drive
