// What the list of runs is filtered by. Texts are taken when one stops typing.
import { useEffect, useRef, useState } from "react";
import { KINDS, readRunFilter, type RunFilter, STATUSES, WINDOWS } from "../../filters/runs";
import { useTexts } from "../../i18n/language";

const TYPING_MS = 350;

type TextName = "task" | "agent" | "host" | "layer" | "code";
type ChoiceName = "status" | "kind" | "since";

/** The filter with one part changed; an empty text takes it out. */
function changed(filter: RunFilter, name: TextName | ChoiceName, value: string): RunFilter {
  return readRunFilter({ ...filter, [name]: value });
}

export function FilterBar({ filter, onChange }: { filter: RunFilter; onChange: (filter: RunFilter) => void }) {
  const texts = useTexts();
  const set = (name: TextName | ChoiceName, value: string) => onChange(changed(filter, name, value));
  const isFiltered = Object.keys(filter).length > 0;
  return (
    <search aria-label={texts.runs.filters} className="grid grid-cols-[repeat(auto-fill,minmax(8.5rem,1fr))] items-end gap-2">
      <TextField name="task" label={texts.common.task} value={filter.task} onChange={set} isFirst />
      <Choice name="status" label={texts.common.status} value={filter.status} options={STATUSES.map((status) => [status, texts.status[status]])} any={texts.runs.any} onChange={set} />
      <TextField name="host" label={texts.common.host} value={filter.host} onChange={set} />
      <TextField name="agent" label={texts.common.agent} value={filter.agent} onChange={set} />
      <TextField name="layer" label={texts.common.layer} value={filter.layer} onChange={set} />
      <Choice name="kind" label={texts.runs.kind} value={filter.kind} options={KINDS.map((kind) => [kind, kind])} any={texts.runs.any} onChange={set} />
      <TextField name="code" label={texts.runs.code} value={filter.code} onChange={set} />
      <Choice
        name="since"
        label={texts.runs.time}
        value={filter.since}
        options={(Object.keys(WINDOWS) as (keyof typeof WINDOWS)[]).map((window) => [window, texts.common.windows[window]])}
        any={texts.runs.anyTime}
        onChange={set}
      />
      <button type="button" className="button" disabled={!isFiltered} onClick={() => onChange({})}>
        {texts.runs.clear}
      </button>
    </search>
  );
}

interface TextFieldProps {
  name: TextName;
  label: string;
  value: string | undefined;
  onChange: (name: TextName, value: string) => void;
  isFirst?: boolean;
}

function TextField({ name, label, value = "", onChange, isFirst = false }: TextFieldProps) {
  const [typed, setTyped] = useState(value);
  const sent = useRef(value);
  // The address was changed by something else: a link, the way back.
  useEffect(() => {
    if (value !== sent.current) {
      sent.current = value;
      setTyped(value);
    }
  }, [value]);
  const send = useRef(onChange);
  useEffect(() => {
    send.current = onChange;
  });
  useEffect(() => {
    if (typed.trim() === sent.current) return;
    const timer = setTimeout(() => {
      sent.current = typed.trim();
      send.current(name, typed);
    }, TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed, name]);
  return (
    <label className="flex min-w-0 flex-col gap-0.5 text-xs text-ink-3">
      {label}
      <input
        type="text"
        name={name}
        value={typed}
        dir="auto"
        autoComplete="off"
        spellCheck={false}
        {...(isFirst ? { "data-search": true } : {})}
        className="field w-full"
        onChange={(event) => setTyped(event.target.value)}
      />
    </label>
  );
}

interface ChoiceProps {
  name: ChoiceName;
  label: string;
  value: string | undefined;
  options: [string, string][];
  any: string;
  onChange: (name: ChoiceName, value: string) => void;
}

function Choice({ name, label, value = "", options, any, onChange }: ChoiceProps) {
  return (
    <label className="flex min-w-0 flex-col gap-0.5 text-xs text-ink-3">
      {label}
      <select name={name} value={value} className="field w-full" onChange={(event) => onChange(name, event.target.value)}>
        <option value="">{any}</option>
        {options.map(([option, shown]) => (
          <option key={option} value={option}>
            {shown}
          </option>
        ))}
      </select>
    </label>
  );
}
