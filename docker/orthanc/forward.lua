-- Every radiograph that arrives goes to the bridge. Results are SR, OT and M3D: they do not come back to it.
local films = { CR = true, DX = true, XA = true, RF = true }

function OnStoredInstance(instance, tags, metadata, origin)
  if films[tags.Modality] then
    SendToModality(instance, 'bridge')
  end
end
