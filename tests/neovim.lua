-- In a file that is open: waits for a diagnostic, applies the preferred code action, and saves
-- everything. SEEN in the environment is where to tell what was seen.
local seen = {}

local function wait_for(what, condition)
  if not vim.wait(60000, condition, 20) then
    seen.error = "never: " .. what
    vim.fn.writefile({ vim.fn.json_encode(seen) }, vim.env.SEEN)
    vim.cmd("cquit!")
  end
end

wait_for("a diagnostic", function() return #vim.diagnostic.get(0) > 0 end)

local found = vim.diagnostic.get(0)[1]
seen.diagnostic = { line = found.lnum, column = found.col, message = found.message, code = found.code }
seen.titles = {}
vim.ui.select = function(actions, _, choose)
  for _, each in ipairs(actions) do
    local action = each.action or each[2]
    table.insert(seen.titles, action.title)
    if action.isPreferred then choose(each) end
  end
end
vim.api.nvim_win_set_cursor(0, { found.lnum + 1, found.col })
local before = vim.api.nvim_buf_get_changedtick(0)
vim.lsp.buf.code_action()
wait_for("a change", function() return vim.api.nvim_buf_get_changedtick(0) > before end)
vim.cmd("wall")
wait_for("no diagnostic", function() return #vim.diagnostic.get(0) == 0 end)

vim.lsp.stop_client(vim.lsp.get_active_clients())
wait_for("the end of the server", function() return #vim.lsp.get_active_clients() == 0 end)
vim.fn.writefile({ vim.fn.json_encode(seen) }, vim.env.SEEN)
vim.cmd("qall!")
