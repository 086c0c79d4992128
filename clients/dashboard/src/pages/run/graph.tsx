// The run as a graph, each step where the server put it. Read by itself, since the
// library is large.
import { useQuery } from "@tanstack/react-query";
import { Background, BackgroundVariant, Controls, type Edge, Handle, MiniMap, type Node, type NodeProps, Position, ReactFlow } from "@xyflow/react";
import "@xyflow/react/dist/base.css";
import "./graph.css";
import { memo, useMemo } from "react";
import { runGraph } from "../../api/queries";
import type { RunGraph } from "../../api/types";
import { useTexts } from "../../i18n/language";
import { keyOf } from "../../spans/step";
import { KIND_TONES, RetryBadge, STATUS_TONES, StatusSign } from "../../ui/badges";
import { Answered, Empty } from "../../ui/states";
import { Line } from "../../ui/text";

/** More than these are no picture any more. */
const MOST_NODES = 2_000;

type GraphNode = RunGraph["nodes"][number];
type StepNode = Node<{ of: GraphNode; isSelected: boolean }, "step">;

interface GraphProps {
  runId: string;
  count: number;
  selected: string | null;
  onSelect: (id: string) => void;
}

export function Graph({ runId, count, selected, onSelect }: GraphProps) {
  const texts = useTexts();
  const isTooLarge = count > MOST_NODES;
  const graph = useQuery({ ...runGraph(runId), enabled: !isTooLarge });
  if (isTooLarge) {
    return (
      <div className="panel">
        <Empty>{texts.run.notDrawn(count)}</Empty>
      </div>
    );
  }
  return <Answered of={graph}>{(drawing) => <Drawing drawing={drawing} selected={selected} onSelect={onSelect} />}</Answered>;
}

const NODE_TYPES = { step: memo(StepBox) };

function Drawing({ drawing, selected, onSelect }: { drawing: RunGraph; selected: string | null; onSelect: (id: string) => void }) {
  const texts = useTexts();
  const nodes = useMemo<StepNode[]>(
    () =>
      drawing.nodes.map((node) => ({
        id: node.id,
        type: "step",
        position: { x: node.x, y: node.y },
        width: node.width,
        height: node.height,
        data: { of: node, isSelected: keyOf(node.id) === selected },
      })),
    [drawing, selected],
  );
  const edges = useMemo<Edge[]>(() => drawing.edges.map(({ id, source, target }) => ({ id, source, target, type: "smoothstep", focusable: false })), [drawing]);
  return (
    <div className="panel h-[max(24rem,calc(100dvh-15rem))] overflow-hidden" role="group" aria-label={texts.run.views.graph}>
      <ReactFlow
        nodes={nodes}
        edges={edges}
        nodeTypes={NODE_TYPES}
        fitView
        fitViewOptions={{ maxZoom: 1 }}
        minZoom={0.02}
        onlyRenderVisibleElements
        nodesDraggable={false}
        nodesConnectable={false}
        edgesFocusable={false}
        elementsSelectable
        onNodeClick={(_, node) => onSelect(node.id)}
        onSelectionChange={({ nodes: [node] }) => {
          // By keyboard: Enter on a node selects it.
          if (node && keyOf(node.id) !== selected && document.activeElement?.classList.contains("react-flow__node")) onSelect(node.id);
        }}
      >
        <Background variant={BackgroundVariant.Dots} gap={20} size={1} />
        <Controls showInteractive={false} />
        {nodes.length > 30 && <MiniMap pannable zoomable nodeClassName={(node) => `minimap-${(node as StepNode).data.of.status.toLowerCase()}`} />}
      </ReactFlow>
    </div>
  );
}

function StepBox({ data: { of, isSelected } }: NodeProps<StepNode>) {
  const texts = useTexts();
  const kind = of.reason_kind ?? "UNKNOWN";
  const tone = of.status === "FAILED" && kind !== "UNKNOWN" ? KIND_TONES[kind] : STATUS_TONES[of.status];
  const isLastAlive = of.is_last_alive && of.status === "RUNNING";
  const place = [of.layer, of.executor_host].filter((part) => part !== "").join(" @ ");
  return (
    <div
      data-status={of.status}
      className={`flex h-full w-full overflow-hidden rounded-md border bg-surface text-xs ${isSelected ? "border-accent ring-2 ring-accent" : isLastAlive ? "border-running ring-1 ring-running" : "border-line-strong"}`}
    >
      <Handle type="target" position={Position.Top} isConnectable={false} />
      <span className={`w-1 shrink-0 ${tone.bar}`} />
      <div className="flex min-w-0 flex-1 flex-col justify-center gap-0.5 px-2">
        <div className="flex min-w-0 items-center gap-1.5">
          <StatusSign status={of.status} />
          <Line text={of.label} className="font-medium" />
          <RetryBadge attempt={of.attempt} />
        </div>
        <div className="flex min-w-0 gap-1 text-ink-3">
          {place !== "" && <Line text={place} />}
          {isLastAlive && <span className="ms-auto whitespace-nowrap text-running-ink">◂ {texts.run.lastAlive}</span>}
        </div>
      </div>
      <Handle type="source" position={Position.Bottom} isConnectable={false} />
    </div>
  );
}
