-- A mod for one recording: moves the player to a place, applies the run's bug, turns the camera.
-- `scene` is a table that the recorder prepends to this file.

local world = minetest.get_worldpath()
local began = nil  -- game time in seconds at which the clip began

local function tops(name)
    local item = minetest.registered_nodes[name]
    return item and item.walkable and minetest.get_item_group(name, "leaves") == 0
        and minetest.get_item_group(name, "tree") == 0
end

-- Bugs in the definitions of nodes: they exist from the start.
if scene.bug == "unknown" then
    for _, name in ipairs(scene.nodes) do
        minetest.override_item(name, {tiles = {"unknown_node.png"}, special_tiles = {"unknown_node.png"}})
    end
elseif scene.bug == "sunk" then
    for _, name in ipairs(scene.nodes) do minetest.override_item(name, {walkable = false}) end
elseif scene.bug == "crowns" then
    for _, name in ipairs(scene.nodes) do
        minetest.override_item(name, {drawtype = "airlike", paramtype = "light", sunlight_propagates = true})
    end
end

local function flat(x, y, z)
    for _, way in ipairs({{12, 0}, {-12, 0}, {0, 12}, {0, -12}, {20, 20}, {-20, -20}}) do
        local other = minetest.get_spawn_level(x + way[1], z + way[2])
        if not other or math.abs(other - y) > 3 then return false end
    end
    return true
end

-- The nth flat spot of a biome, searched outwards from the middle of the world.
local function find()
    local count = 0
    for radius = 0, 3000, 60 do
        for step = 0, 15 do
            local angle = step * math.pi / 8
            local x, z = math.floor(radius * math.cos(angle)), math.floor(radius * math.sin(angle))
            local y = minetest.get_spawn_level(x, z)
            local biome = y and minetest.get_biome_data({x = x, y = y, z = z})
            if biome and minetest.get_biome_name(biome.biome) == scene.biome and flat(x, y, z) then
                count = count + 1
                if count == scene.spot then return {x = x, y = y, z = z} end
            end
        end
    end
    error("no spot " .. scene.spot .. " of " .. scene.biome)
end

local function ground(x, z, near)
    for y = near + 40, near - 40, -1 do
        local name = minetest.get_node({x = x, y = y, z = z}).name
        if tops(name) then return y end
    end
    return near
end

local function ahead(pos, yaw, distance)
    return {x = pos.x - math.sin(yaw) * distance, y = pos.y, z = pos.z + math.cos(yaw) * distance}
end

local function carve(middle)
    local r = 9
    local low = vector.round(vector.subtract(middle, {x = r, y = 14, z = r}))
    local high = vector.round(vector.add(middle, {x = r, y = 25, z = r}))
    local manip = minetest.get_voxel_manip()
    local first, last = manip:read_from_map(low, high)
    local area = VoxelArea:new({MinEdge = first, MaxEdge = last})
    local data, air = manip:get_data(), minetest.get_content_id("air")
    for index in area:iterp(low, high) do data[index] = air end
    manip:set_data(data)
    manip:calc_lighting()
    manip:write_to_map(true)
end

local function heap(middle)
    for number = 1, 90 do
        local item = minetest.add_item({x = middle.x, y = middle.y + 1 + number / 30, z = middle.z},
            scene.nodes[1 + number % #scene.nodes])
        if item then
            -- Items created in one step are never merged into a stack. These spread out a little.
            local speed = 0.6 + (number % 7) * 0.25
            item:set_velocity({x = speed * math.sin(number * 2.4), y = 3, z = speed * math.cos(number * 2.4)})
        end
    end
end

-- Where the player starts, and the point that the camera faces, the same for all runs of a place.
local function positions(spot)
    local away = ({hole = 12, heap = 4})[scene.bug]
    local x, z = spot.x + scene.offset[1], spot.z + scene.offset[2]
    local goal = ahead(spot, scene.place_yaw, 14)
    if away then
        local start = ahead(goal, scene.yaw, -away)
        x, z = start.x, start.z
    end
    goal = vector.floor(goal)
    goal.y = ground(goal.x, goal.z, spot.y)
    -- The first start without a tree in front of the camera.
    for try = 0, 12 do
        local here = {x = math.floor(x) - 3 * try, z = math.floor(z) + 2 * try}
        here.y = ground(here.x, here.z, spot.y) + 0.5
        local eye = {x = here.x, y = here.y + 1.5, z = here.z}
        if away or minetest.line_of_sight(eye, ahead(eye, scene.yaw, 8)) then return here, goal end
    end
    return {x = x, y = ground(x, z, spot.y) + 0.5, z = z}, goal
end

local function arrive(player, spot)
    local start, goal = positions(spot)
    player:set_pos(start)
    player:set_look_horizontal(scene.yaw)
    player:set_look_vertical(scene.pitch)
    player:set_physics_override({gravity = 0, speed = 0, jump = 0})
    if scene.bug == "hole" then
        carve(goal)
    elseif scene.bug == "heap" then
        minetest.after(scene.wait + 3, heap, goal)
    end
    if scene.bug == "hud" then
        player:hud_set_flags({hotbar = false, healthbar = false, wielditem = false, crosshair = false})
    end
    minetest.after(scene.wait, function() minetest.safe_file_write(world .. "/ready", "yes") end)
end

minetest.register_on_joinplayer(function(player)
    local inventory = player:get_inventory()
    for _, item in ipairs({"default:pick_steel", "default:torch 20", "default:axe_stone", "default:apple 7",
                           "default:wood 64", "default:shovel_bronze"}) do
        inventory:add_item("main", item)
    end
    player:set_clouds({density = 0.3, speed = {x = 0, z = 0}})
    player:set_armor_groups({immortal = 1})
    local spot = find()
    local far = {x = 64, y = 32, z = 64}
    minetest.emerge_area(vector.subtract(spot, far), vector.add(spot, far), function(_, _, left)
        if left == 0 then arrive(player, spot) end
    end)
end)

minetest.register_globalstep(function()
    local player = minetest.get_player_by_name("tester")
    if not player then return end
    if not began then
        local file = io.open(world .. "/go")
        if not file then return end
        file:close()
        began = minetest.get_us_time() / 1e6
        player:set_physics_override({gravity = 1, speed = 1, jump = 1})
    end
    local now = minetest.get_us_time() / 1e6 - began
    player:set_look_horizontal(scene.yaw + scene.turn * math.sin(now * scene.pace))
    player:set_look_vertical(scene.pitch + 0.1 * math.sin(now * 1.3))
end)
